//! Paths as URI references (RFC 3986).

/// The URI of a file: relative to wherever the check was run if the path is, else with the scheme `file`.
pub(super) fn of_path(path: &str) -> String {
    if cfg!(windows) { of_windows_path(path) } else { of_unix_path(path) }
}

fn of_unix_path(path: &str) -> String {
    if path.starts_with('/') { format!("file://{}", encoded(path)) } else { relative(path) }
}

fn of_windows_path(path: &str) -> String {
    let path = path.replace('\\', "/");
    // What Windows calls verbatim paths.
    let path = path
        .strip_prefix("//?/UNC/")
        .map_or_else(|| path.strip_prefix("//?/").unwrap_or(&path).to_owned(), |share| format!("//{share}"));
    if let Some(share) = path.strip_prefix("//") {
        return format!("file://{}", encoded(share));
    }
    match path.split_once(':') {
        Some((drive, rest)) if drive.len() == 1 => format!("file:///{drive}:{}", encoded(rest)),
        _ if path.starts_with('/') => format!("file://{}", encoded(&path)),
        _ => relative(&path),
    }
}

fn relative(path: &str) -> String {
    let mut path = path;
    // GitHub compares with paths from the root of the repository.
    while let Some(rest) = path.strip_prefix("./").filter(|rest| !rest.is_empty()) {
        path = rest.trim_start_matches('/');
    }
    encoded(path)
}

/// Percent-encodes everything but slashes and the characters that never need it.
pub(super) fn encoded(path: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_unix() {
        for (path, uri) in [
            ("models/a.skops", "models/a.skops"),
            ("./models/a.skops", "models/a.skops"),
            (".//.//a", "a"),
            ("./", "./"),
            ("../a b%.skops", "../a%20b%25.skops"),
            ("C:\\a:b", "C%3A%5Ca%3Ab"),
            ("/models/é#?.skops", "file:///models/%C3%A9%23%3F.skops"),
            ("//models/a", "file:////models/a"),
            ("-", "-"),
        ] {
            assert_eq!(of_unix_path(path), uri);
        }
    }

    #[test]
    fn paths_of_windows() {
        for (path, uri) in [
            ("models\\a b.skops", "models/a%20b.skops"),
            (".\\a", "a"),
            ("C:\\models\\a.skops", "file:///C:/models/a.skops"),
            ("C:/models/a.skops", "file:///C:/models/a.skops"),
            ("\\\\server\\share\\a", "file://server/share/a"),
            ("\\\\?\\C:\\a", "file:///C:/a"),
            ("\\\\?\\UNC\\server\\share\\a", "file://server/share/a"),
            ("\\a", "file:///a"),
        ] {
            assert_eq!(of_windows_path(path), uri);
        }
    }
}
