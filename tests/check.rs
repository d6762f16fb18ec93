//! Verdicts: on bytes, files, folders and streams, and what becomes of files that pass.
#![cfg(feature = "gate")]
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use common::*;
use skops_rs::check::{Checker, Finder, Input, Level, Outcome, Pace, Publisher, Sha256, Verdict, read_list};
use skops_rs::policy::{Policy, Preset, Severity};
use skops_rs::{Archive, Code, TrustList};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn checker() -> Checker {
    Checker::new(Policy::default())
}

/// A checker that lets the example pass.
fn lenient() -> Checker {
    Checker::new(Policy::default().preset(Preset::Trees))
}

fn codes(verdict: &Verdict) -> Vec<&'static str> {
    verdict.findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn outcome(verdict: &Verdict) -> (Outcome, Vec<&'static str>) {
    (verdict.outcome, codes(verdict))
}

fn example() -> PathBuf {
    fixtures().join("example.skops")
}

fn clean() -> PathBuf {
    fixtures().join("real/skops-0.16/linear_linear.skops")
}

fn hostile(name: &str) -> PathBuf {
    fixtures().join("hostile/files").join(format!("{name}.skops"))
}

fn found(finder: &Finder, paths: &[&Path]) -> Vec<(String, String)> {
    let found = finder.find(paths.iter().map(|path| path.to_path_buf()));
    let checker = checker();
    let path = |input: &Input| {
        input.path.strip_prefix(paths[0]).unwrap_or(&input.path).to_string_lossy().into_owned()
    };
    found
        .inputs
        .iter()
        .map(|input| (path(input), checker.check_input(input).outcome.as_str().to_owned()))
        .collect()
}

// ---- one file

#[test]
fn a_verdict_says_what_the_file_is() {
    let verdict = checker().check(clean());
    assert_eq!(outcome(&verdict), (Outcome::Pass, vec![]));
    let bytes = fs::read(clean()).unwrap();
    assert_eq!((verdict.sha256, verdict.size), (Some(Sha256::of(&bytes)), Some(bytes.len() as u64)));
    assert_eq!(verdict.protocol, Some(2));
    assert_eq!(verdict.skops_version.as_deref(), Some("0.16.0"));
    assert_eq!(verdict.sklearn_versions, ["1.9.1"]);
    assert_eq!(verdict.root_type.as_deref(), Some("sklearn.linear_model._base.LinearRegression"));
    assert!(!verdict.verified);
    assert!(checker().with_level(Level::Verify).check(clean()).verified);
    assert_eq!(checker().without_hash().check(clean()).sha256, None);
}

#[test]
fn a_hash_is_that_of_sha256sum() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Sha256::of(b"abc").to_string(), abc);
    assert_eq!(abc.to_uppercase().parse(), Ok(Sha256::of(b"abc")));
    for text in ["", "ab", &abc[1..], &format!("{abc}00"), &abc.replace('b', "g"), &abc.replace("ba", "+1")] {
        assert!(text.parse::<Sha256>().is_err(), "{text}");
    }
    // In memory, and past what is kept there.
    let folder = folder();
    for size in [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000] {
        let bytes = vec![7; size];
        let path = folder.path().join("file.skops");
        fs::write(&path, &bytes).unwrap();
        let by_stream = checker().check_stream("-", Cursor::new(&bytes));
        for verdict in [checker().check(&path), by_stream, checker().check_bytes("b", bytes.clone())] {
            assert_eq!(verdict.sha256, Some(Sha256::of(&bytes)), "{size}");
            assert_eq!(codes(&verdict), ["not-zip"]);
        }
    }
}

#[test]
fn another_hash_than_expected_is_denied() {
    let hash = Sha256::of(&fs::read(clean()).unwrap());
    assert_eq!(checker().expecting(hash).check(clean()).outcome, Outcome::Pass);
    let verdict = checker().expecting(hash).check(example());
    assert_eq!(outcome(&verdict), (Outcome::Deny, vec!["untrusted-types", "sha256-mismatch"]));
    assert!(verdict.findings[1].message.contains(&hash.to_string()));
    // Also of a file that cannot be read.
    assert_eq!(
        codes(&checker().expecting(hash).check(hostile("zip_comment"))),
        ["zip-comment", "sha256-mismatch"]
    );
}

#[test]
fn findings_say_what_where_and_what_to_do() {
    let verdict = checker().check(example());
    let [finding] = verdict.findings.as_slice() else { panic!("{verdict:?}") };
    assert_eq!((finding.code, finding.severity), (Code::UntrustedTypes, Severity::Deny));
    assert_eq!(finding.name.as_deref(), Some("sklearn.tree._tree.Tree"));
    assert_eq!((finding.role, finding.loader), (Some("instantiate"), Some("TreeNode")));
    assert_eq!((finding.places[0].path.as_str(), finding.place_count), ("steps[1][1].tree_", 1));
    assert!(finding.reason.as_ref().unwrap().contains("bounds checks"));
    assert!(finding.hint.contains("`trees`") && finding.message.contains("makes instances of"));
    let verdict = checker().check(hostile("zip_comment"));
    assert_eq!(outcome(&verdict), (Outcome::Refused, vec!["zip-comment"]));
    assert!(verdict.findings[0].at.offset.is_some() && !verdict.findings[0].hint.is_empty());
}

/// For each real and hostile file: what the gate says of names is what the audit says.
#[test]
fn verdicts_are_those_of_the_audit() {
    let checker = checker().without_hash();
    for path in files("real", "skops").into_iter().chain(files("hostile/files", "skops")) {
        let verdict = checker.check(&path);
        let audit = Archive::open(&path).and_then(|archive| archive.schema()?.audit());
        match audit {
            Err(error) => {
                assert_eq!(outcome(&verdict), (Outcome::Refused, vec![error.code().as_str()]), "{path:?}")
            }
            Ok(audit) => {
                let untrusted = audit.untrusted(&TrustList::default());
                let names: BTreeSet<_> =
                    verdict.findings.iter().filter_map(|finding| finding.name.as_deref()).collect();
                assert_eq!(names, untrusted.iter().map(|name| name.as_str()).collect(), "{path:?}");
                let expected = if untrusted.is_empty() { Outcome::Pass } else { Outcome::Deny };
                assert_eq!(verdict.outcome, expected, "{path:?}");
            }
        }
    }
}

/// At the level `verify`, every hostile file is refused whose manifest says that its contents must be.
#[test]
fn verify_refuses_what_lies_about_its_contents() {
    let cases = read_json("hostile/manifest.json");
    let checker = checker().with_level(Level::Verify);
    let mut seen = 0;
    for case in cases.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let verdict = checker.check(hostile(name));
        let is_reject = |verdict: &serde_json::Value| verdict["verdict"] == "reject";
        let must_refuse = is_reject(case)
            && (case["or"].is_null() || is_reject(&case["or"]))
            && case["rule"] != "untrusted_type";
        if must_refuse {
            assert_eq!(verdict.outcome, Outcome::Refused, "{name}: {:?}", codes(&verdict));
            assert!(!verdict.verified);
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn verify_reads_every_payload() {
    // A byte of an array is changed; its checksum is not, and nothing asks for its contents.
    let name = "140000000000001.npy";
    let sound = skops(list(vec![array(name)]), &[(name, doubles(&[1.0, 2.0]))]);
    let at = sound.windows(8).position(|window| window == 2.0_f64.to_le_bytes()).unwrap();
    let mut damaged = sound.clone();
    damaged[at] ^= 1;
    let level =
        |level, bytes: &[u8]| outcome(&checker().with_level(level).check_bytes("model", bytes.to_vec()));
    assert_eq!(level(Level::Verify, &sound), (Outcome::Pass, vec![]));
    assert_eq!(level(Level::Audit, &damaged), (Outcome::Pass, vec![]));
    assert_eq!(level(Level::Verify, &damaged), (Outcome::Refused, vec!["zip-crc"]));
    // So is an array that no node names.
    let unused = |damage: bool| {
        let other = "140000000000002.npy";
        let mut bytes = skops(list(vec![array(name)]), &[(name, doubles(&[1.0])), (other, doubles(&[7.0]))]);
        let at = bytes.windows(8).position(|window| window == 7.0_f64.to_le_bytes()).unwrap();
        bytes[at] ^= u8::from(damage);
        bytes
    };
    assert_eq!(level(Level::Verify, &unused(false)), (Outcome::Pass, vec!["unused-array"]));
    assert_eq!(level(Level::Verify, &unused(true)), (Outcome::Refused, vec!["zip-crc", "unused-array"]));
}

#[test]
fn unused_arrays_are_as_severe_as_the_policy_says() {
    let [name, other] = ["140000000000001.npy", "140000000000002.npy"];
    let file = || skops(list(vec![array(name)]), &[(name, doubles(&[1.0])), (other, doubles(&[7.0]))]);
    let by = |severity| {
        let mut policy = Policy::default();
        policy.severities.set(Code::UnusedArray, severity).unwrap();
        outcome(&Checker::new(policy).check_bytes("model", file()))
    };
    assert_eq!(outcome(&checker().check_bytes("model", file())), (Outcome::Pass, vec!["unused-array"]));
    assert_eq!(by(Severity::Warn), (Outcome::Pass, vec!["unused-array"]));
    assert_eq!(by(Severity::Deny), (Outcome::Deny, vec!["unused-array"]));
    assert_eq!(by(Severity::Allow), (Outcome::Pass, vec![]));
}

#[test]
fn what_only_looks_like_skops_is_named() {
    let zip = fs::read(clean()).unwrap();
    let pickle = b"\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.";
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("a pickle", pickle.to_vec(), "pickle"),
        ("a pickle with a zip behind it", [&pickle[..], &zip].concat(), "pickle"),
        ("a joblib file, compressed", b"\x78\x9c\x03\x00\x00\x00\x00\x01".to_vec(), "compressed"),
        ("text", b"hello, world, this is a text".to_vec(), "not a zip archive"),
        ("nothing", Vec::new(), "empty"),
        (
            "an old pickle with a zip behind it",
            [&b"(dp0\nS'a'\np1\nI1\ns."[..], &zip].concat(),
            "without gaps",
        ),
    ];
    for (what, bytes, said) in cases {
        let verdict = checker().check_bytes("model.skops", bytes);
        assert_eq!(verdict.outcome, Outcome::Refused, "{what}");
        assert!(verdict.findings[0].message.contains(said), "{what}: {}", verdict.findings[0].message);
    }
}

#[test]
fn findings_take_little_room_however_many_there_are() {
    let names: Vec<_> = (0..20_000).map(|n| type_node(&format!("a{n}.{}", "B".repeat(400)))).collect();
    let verdict = checker().check_bytes("model", skops(list(names), &[]));
    assert_eq!(verdict.outcome, Outcome::Deny);
    assert_eq!(verdict.findings.len() + verdict.findings_left_out, 20_000);
    let text = serde_json::to_string(&verdict).unwrap();
    assert!(text.len() < 1 << 20, "{}", text.len());
    // Denied names are listed whatever stands before them.
    let denied = "zz.Zz".parse().map(skops_rs::policy::Denial::new).unwrap();
    let mut policy = Policy::default().deny(denied);
    policy.severities.set(Code::UntrustedTypes, Severity::Warn).unwrap();
    let mut names: Vec<_> = (0..20_000).map(|n| type_node(&format!("a{n}.{}", "B".repeat(400)))).collect();
    names.push(type_node("zz.Zz"));
    let verdict = Checker::new(policy).check_bytes("model", skops(list(names), &[]));
    assert_eq!((verdict.outcome, codes(&verdict)[0]), (Outcome::Deny, "denied-type"));
}

// ---- what cannot be read

#[test]
fn what_cannot_be_read_is_an_error_of_its_own() {
    let folder = folder();
    let verdict = checker().check(folder.path().join("missing.skops"));
    assert_eq!(outcome(&verdict), (Outcome::Error, vec!["io"]));
    let verdict = checker().check(folder.path());
    assert_eq!(outcome(&verdict), (Outcome::Error, vec!["not-a-file"]));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let folder = folder();
    let pipe = folder.path().join("pipe.skops");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(outcome(&checker().check(&pipe)), (Outcome::Error, vec!["not-a-file"]));
    assert_eq!(outcome(&checker().check("/dev/zero")), (Outcome::Error, vec!["not-a-file"]));
    let inputs = found(&Finder::default(), &[folder.path()]);
    assert_eq!(inputs, [("pipe.skops".to_owned(), "error".to_owned())]);
}

/// A file that is replaced, or written to, while it is checked has no verdict. The stream stands for whoever writes.
#[cfg(unix)]
#[test]
fn a_file_that_changes_meanwhile_has_no_verdict() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let folder = folder();
    let path = folder.path().join("model.skops");
    let sound = fs::read(clean()).unwrap();
    let evil = fs::read(example()).unwrap();
    let stop = AtomicBool::new(false);
    let mut changed = 0;
    let mut seen = std::collections::BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let bytes = if turn % 2 == 0 { &sound } else { &evil };
                match turn % 3 {
                    0 => fs::write(&path, bytes).unwrap(),
                    1 => {
                        let other = folder.path().join("other");
                        fs::write(&other, bytes).unwrap();
                        fs::rename(&other, &path).unwrap();
                    }
                    _ => {
                        let _ = fs::remove_file(&path);
                    }
                }
            }
        });
        let (sound_hash, evil_hash) = (Sha256::of(&sound), Sha256::of(&evil));
        let publish = folder.path().join("published");
        // On a busy machine it takes a while until one thread comes between two steps of the other.
        for turn in 0..200_000 {
            if turn > 2_000 && changed > 0 {
                break;
            }
            // By turns in place, and published.
            let is_copy = turn % 3 == 0;
            let checker = if is_copy { checker().publishing(Publisher::new(&publish)) } else { checker() };
            let verdict = checker.check(&path);
            *seen.entry(format!("{:?}", outcome(&verdict))).or_insert(0) += 1;
            match verdict.outcome {
                Outcome::Pass => assert_eq!(verdict.sha256, Some(sound_hash)),
                Outcome::Deny => assert_eq!(verdict.sha256, Some(evil_hash)),
                Outcome::Error => {
                    changed += usize::from(codes(&verdict) == ["file-changed"]);
                    assert!(matches!(codes(&verdict)[..], ["file-changed" | "io"]), "{verdict:?}");
                }
                // Half of a file was all that there was.
                _ => assert_ne!(verdict.sha256, Some(sound_hash)),
            }
            if let Ok(bytes) = fs::read(publish.join("model.skops")) {
                assert_eq!(Sha256::of(&bytes), sound_hash, "only what passed is published");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(changed > 0, "nothing ever changed, so nothing was tested: {seen:?}");
}

#[cfg(unix)]
#[test]
fn a_large_file_that_grows_or_shrinks_has_no_verdict() {
    // A reader that changes the file in the middle of being read is what a slow disk would be; here the file is large, and
    // another thread changes it until that was seen.
    let folder = folder();
    let path = folder.path().join("large.skops");
    let bytes = vec![0_u8; 24 << 20];
    for (what, change) in [("grows", 1_i64), ("shrinks", -1)] {
        fs::write(&path, &bytes).unwrap();
        let seen = std::thread::scope(|scope| {
            let checking =
                scope.spawn(|| (0..200).any(|_| codes(&checker().check(&path)) == ["file-changed"]));
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            let mut size = bytes.len() as i64;
            while !checking.is_finished() {
                size += change;
                file.set_len(size as u64).unwrap();
            }
            checking.join().unwrap()
        });
        assert!(seen, "a file that {what}");
    }
}

#[test]
fn a_stream_is_bounded() {
    let mut policy = Policy::default();
    policy.limits.stream_bytes = 1000;
    let checker = Checker::new(policy);
    let verdict = checker.check_stream("-", std::io::repeat(0));
    assert_eq!(outcome(&verdict), (Outcome::Refused, vec!["limit-stream-bytes"]));
    let verdict = self::checker().check_stream("-", fs::File::open(clean()).unwrap());
    assert_eq!((verdict.path.as_str(), verdict.outcome), ("-", Outcome::Pass));
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    assert_eq!(outcome(&self::checker().check_stream("-", Broken)), (Outcome::Error, vec!["io"]));
}

// ---- folders

#[test]
fn models_in_folders_are_found_by_name_and_by_content() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("a/b")).unwrap();
    fs::copy(clean(), at("a/b/Model.SKOPS")).unwrap();
    fs::copy(clean(), at("a/renamed.bin")).unwrap();
    fs::copy(hostile("zip_comment"), at("a/with-a-comment.zip")).unwrap();
    let pickle = [&b"\x80\x04."[..], &fs::read(clean()).unwrap()].concat();
    fs::write(at("behind-a-pickle.pkl"), pickle).unwrap();
    fs::write(at("no-model.skops"), b"text").unwrap();
    fs::write(at("readme.md"), b"schema.json PK\x05\x06").unwrap();
    fs::write(at("empty"), b"").unwrap();
    let npz = Zip::new(vec![Entry::stored("a.npy", doubles(&[1.0]))]).build();
    fs::write(at("arrays.npz"), npz).unwrap();
    let inputs = found(&Finder::default(), &[folder.path()]);
    let expected = [
        ("a/b/Model.SKOPS", "pass"),
        ("a/renamed.bin", "pass"),
        ("a/with-a-comment.zip", "refused"),
        ("behind-a-pickle.pkl", "refused"),
        ("no-model.skops", "refused"),
        ("readme.md", "refused"),
    ];
    let expected = expected.map(|(path, outcome)| (path.to_owned(), outcome.to_owned()));
    // Text that holds both words is looked at, too: rather once too often.
    assert_eq!(inputs, expected);
    assert_eq!(Finder::default().find([folder.path().to_owned()]).skipped, 2);
    // Where a reader would find the name does not matter: in a directory larger than what readers look through for its
    // end, and with a second signature in the end record, whose counters Python does not look at.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut entries = vec![Entry::stored("schema.json", "{}")];
    entries.extend((0..2000).map(|number| Entry::stored(&format!("{number:060}"), "")));
    let mut large = Zip::new(entries).build();
    let end = large.len() - 22;
    large[end + 6..end + 10].copy_from_slice(b"PK\x05\x06");
    fs::write(elsewhere.path().join("model.bin"), large).unwrap();
    assert_eq!(found(&Finder::default(), &[elsewhere.path()]).len(), 1);
    assert_eq!(found(&Finder::default(), &[elsewhere.path()])[0].1, "refused");
}

#[test]
fn a_folder_without_models_does_not_pass() {
    let folder = folder();
    fs::write(folder.path().join("readme.md"), b"nothing").unwrap();
    let found = Finder::default().find([folder.path().to_owned()]);
    assert_eq!(outcome(&checker().check_input(&found.inputs[0])), (Outcome::Deny, vec!["no-models"]));
    let mut policy = Policy::default();
    policy.severities.set(Code::NoModels, Severity::Allow).unwrap();
    assert_eq!(Checker::new(policy).check_input(&found.inputs[0]).outcome, Outcome::Pass);
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_followed_only_if_asked() {
    use std::os::unix::fs::symlink;
    let (folder, elsewhere) = (folder(), folder());
    fs::copy(clean(), elsewhere.path().join("other.skops")).unwrap();
    fs::copy(clean(), folder.path().join("model.skops")).unwrap();
    symlink(elsewhere.path(), folder.path().join("link")).unwrap();
    symlink(folder.path(), folder.path().join("loop")).unwrap();
    symlink("model.skops", folder.path().join("same.skops")).unwrap();
    symlink("nowhere", folder.path().join("broken.skops")).unwrap();
    let say = |path: &str, outcome: &str| (path.to_owned(), outcome.to_owned());
    let mut expected = vec![
        say("broken.skops", "error"),
        say("link", "error"),
        say("loop", "error"),
        say("model.skops", "pass"),
        say("same.skops", "pass"),
    ];
    assert_eq!(found(&Finder::default(), &[folder.path()]), expected);
    let mut finder = Finder::default();
    finder.follow_links = true;
    expected[1] = say("link/other.skops", "pass");
    assert_eq!(found(&finder, &[folder.path()]), expected);
    let codes_of = |finder: &Finder| -> Vec<_> {
        let inputs = finder.find([folder.path().to_owned()]).inputs;
        inputs.iter().flat_map(|input| codes(&checker().check_input(input))).collect()
    };
    assert_eq!(codes_of(&Finder::default()), ["io", "folder-link", "folder-link"]);
    assert_eq!(codes_of(&finder), ["io", "folder-loop"]);
}

#[test]
fn lists_are_read_by_lines_and_by_nul() {
    let paths = |text: &str, by_nul| read_list(text.as_bytes(), by_nul).unwrap();
    assert_eq!(paths("a b\n\nc\n d", false), [PathBuf::from("a b"), "c".into(), " d".into()]);
    // Elsewhere than on Windows, it is part of the name.
    let end = if cfg!(windows) { "" } else { "\r" };
    assert_eq!(paths("a\r\n", false), [PathBuf::from(format!("a{end}"))]);
    // What looks like standard input is a file of that name.
    assert_eq!(paths("-\n", false), [PathBuf::from("./-")]);
    assert_eq!(paths("a\nb\0c\r\0\0", true), [PathBuf::from("a\nb"), "c\r".into()]);
}

// ---- many files

#[test]
fn verdicts_come_in_order_on_any_number_of_threads() {
    let paths: Vec<_> = files("hostile/files", "skops").into_iter().chain([example(), clean()]).collect();
    let inputs = Finder::default().find(paths.clone()).inputs;
    let run = |threads, fail_fast| {
        let mut pace = Pace::default();
        (pace.threads, pace.fail_fast) = (threads, fail_fast);
        let mut verdicts = Vec::new();
        let summary = checker()
            .run(&inputs, &pace, |verdict| {
                verdicts.push(serde_json::to_string(&verdict).unwrap());
                Ok(())
            })
            .unwrap();
        (verdicts, summary)
    };
    let one = run(1, false);
    assert_eq!(one.0.len(), paths.len());
    assert_eq!((one.1.files, one.1.not_checked), (paths.len(), 0));
    assert_eq!(one.1.pass + one.1.deny + one.1.refused, paths.len());
    assert_eq!(one.1.outcome(), Outcome::Refused);
    for threads in [2, 3, 8, 1000] {
        assert_eq!(run(threads, false), one, "{threads}");
    }
    let fast = run(1, true);
    let first = one.0.iter().position(|verdict| !verdict.contains(r#""verdict":"pass""#)).unwrap();
    assert_eq!((fast.0.len(), fast.1.not_checked), (first + 1, paths.len() - first - 1));
    assert_eq!(run(4, true), fast);
}

#[test]
fn who_cannot_write_verdicts_ends_the_run() {
    let inputs = Finder::default().find(files("hostile/files", "skops")).inputs;
    for threads in [1, 4] {
        let mut pace = Pace::default();
        pace.threads = threads;
        let mut count = 0;
        let error = checker().run(&inputs, &pace, |_| {
            count += 1;
            if count == 3 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        });
        assert_eq!((error.unwrap_err().kind(), count), (std::io::ErrorKind::StorageFull, 3));
    }
}

// ---- publishing

#[test]
fn what_passes_is_published_and_nothing_else() {
    let (uploads, published) = (folder(), folder());
    fs::create_dir(uploads.path().join("sub")).unwrap();
    fs::copy(example(), uploads.path().join("sub/good.skops")).unwrap();
    fs::copy(hostile("zip_comment"), uploads.path().join("bad.skops")).unwrap();
    fs::copy(hostile("content_tree_feature_negative"), uploads.path().join("lying.skops")).unwrap();
    let to = published.path().join("new");
    let checker = || lenient().publishing(Publisher::new(&to));
    let judge = |checker: &Checker| {
        let inputs = Finder::default().find([uploads.path().to_owned()]).inputs;
        inputs.iter().map(|input| checker.check_input(input)).collect::<Vec<_>>()
    };
    let verdicts = judge(&checker());
    let outcomes: Vec<_> = verdicts.iter().map(|verdict| verdict.outcome).collect();
    assert_eq!(outcomes, [Outcome::Refused, Outcome::Refused, Outcome::Pass]);
    assert_eq!(verdicts[2].published.as_deref().map(Path::new), Some(&*to.join("sub/good.skops")));
    assert_eq!(fs::read(to.join("sub/good.skops")).unwrap(), fs::read(example()).unwrap());
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&to), ["sub"]);
    assert_eq!(names(&to.join("sub")), ["good.skops"]);
    // The same again is no conflict; something else is, unless it may be replaced.
    assert_eq!(judge(&checker())[2].outcome, Outcome::Pass);
    fs::write(to.join("sub/good.skops"), b"other").unwrap();
    let verdict = &judge(&checker())[2];
    assert_eq!(outcome(verdict), (Outcome::Error, vec!["publish-conflict"]));
    assert_eq!(
        (verdict.published.as_ref(), fs::read(to.join("sub/good.skops")).unwrap()),
        (None, b"other".to_vec())
    );
    let replacing = lenient().publishing(Publisher::new(&to).replacing());
    assert_eq!(judge(&replacing)[2].outcome, Outcome::Pass);
    assert_eq!(fs::read(to.join("sub/good.skops")).unwrap(), fs::read(example()).unwrap());
    assert_eq!(names(&to), ["sub"]);
}

#[cfg(unix)]
#[test]
fn one_name_is_published_once_and_never_as_a_link() {
    let (one, other, to) = (folder(), folder(), folder());
    fs::copy(clean(), one.path().join("m.skops")).unwrap();
    fs::copy(fixtures().join("real/skops-0.16/linear_ridge.skops"), other.path().join("m.skops")).unwrap();
    let inputs = Finder::default()
        .find([one.path().to_owned(), other.path().to_owned(), one.path().to_owned()])
        .inputs;
    for publisher in [Publisher::new(to.path()), Publisher::new(to.path()).replacing()] {
        let checker = checker().publishing(publisher);
        let outcomes: Vec<_> = inputs.iter().map(|input| outcome(&checker.check_input(input))).collect();
        let conflict = (Outcome::Error, vec!["publish-conflict"]);
        assert_eq!(outcomes, [(Outcome::Pass, vec![]), conflict, (Outcome::Pass, vec![])]);
    }
    fs::remove_file(to.path().join("m.skops")).unwrap();
    std::os::unix::fs::symlink(one.path().join("m.skops"), to.path().join("m.skops")).unwrap();
    let verdict = checker().publishing(Publisher::new(to.path())).check_input(&inputs[0]);
    assert_eq!(outcome(&verdict), (Outcome::Error, vec!["publish-conflict"]));
}

#[test]
fn what_is_not_checked_is_not_published() {
    let (uploads, to) = (folder(), folder());
    fs::copy(hostile("zip_comment"), uploads.path().join("a.skops")).unwrap();
    for name in 0..20 {
        fs::copy(clean(), uploads.path().join(format!("b{name}.skops"))).unwrap();
    }
    let inputs = Finder::default().find([uploads.path().to_owned()]).inputs;
    let mut pace = Pace::default();
    (pace.threads, pace.fail_fast) = (4, true);
    let checker = checker().publishing(Publisher::new(to.path().join("out")));
    let summary = checker.run(&inputs, &pace, |_| Ok(())).unwrap();
    assert_eq!((summary.files, summary.not_checked), (1, 20));
    assert_eq!(fs::read_dir(to.path().join("out")).map_or(0, Iterator::count), 0);
}

#[cfg(unix)]
#[test]
fn a_published_file_has_the_rights_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let verdict = lenient().publishing(Publisher::new(folder.path())).check(example());
    fs::write(folder.path().join("other"), b"").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(verdict.published.unwrap().as_ref()), mode(&folder.path().join("other")));
}

#[test]
fn a_folder_that_cannot_be_published_to_is_an_error() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let verdict = lenient().publishing(Publisher::new(file.join("sub"))).check(example());
    assert_eq!(outcome(&verdict), (Outcome::Error, vec!["io"]));
}

// ---- MLflow

/// What MLflow 3.18 wrote for a model, with another format and other types that it trusts.
fn mlmodel(format: &str, trusted: &[&str]) -> String {
    let text = fs::read_to_string(fixtures().join("mlflow/models/tree-skops/MLmodel")).unwrap();
    let list: String = trusted.iter().map(|name| format!("    - {name}\n")).collect();
    let text = text.replace("    - sklearn.tree._tree.Tree\n", &list);
    text.replace("serialization_format: skops\n", &format!("serialization_format: {format}\n"))
}

/// A folder with a model and this `MLmodel`, judged.
fn mlflow(model: &Path, text: &str, policy: &str) -> Vec<Verdict> {
    let folder = folder();
    fs::copy(model, folder.path().join("model.skops")).unwrap();
    fs::write(folder.path().join("MLmodel"), text).unwrap();
    let checker = Checker::new(Policy::from_toml(policy, "p").unwrap().0);
    let found = Finder::default().find([folder.path().to_owned()]);
    found.inputs.iter().map(|input| checker.check_input(input)).collect()
}

#[test]
fn what_an_mlflow_model_trusts_is_a_claim() {
    let tree = "sklearn.tree._tree.Tree";
    let verdicts = mlflow(&example(), &mlmodel("skops", &[tree]), "");
    let [verdict] = verdicts.as_slice() else { panic!("{verdicts:?}") };
    assert_eq!(outcome(verdict), (Outcome::Deny, vec!["untrusted-types", "mlflow-claim"]));
    let claim = &verdict.mlflow[0];
    assert!(claim.path.ends_with("MLmodel"));
    assert_eq!(
        (&claim.claimed[..], &claim.not_trusted[..], claim.not_named.len()),
        (&[tree.to_owned()][..], &[tree.to_owned()][..], 0)
    );
    // What the policy trusts may be claimed.
    let verdicts = mlflow(&example(), &mlmodel("skops", &[tree]), "presets = [\"trees\"]");
    assert_eq!(outcome(&verdicts[0]), (Outcome::Pass, vec![]));
    // A claim for what is not even in the file is a warning, which a policy may turn into a denial.
    let text = mlmodel("skops", &["builtins.eval", "sklearn.linear_model._base.LinearRegression"]);
    let verdicts = mlflow(&clean(), &text, "");
    assert_eq!(outcome(&verdicts[0]), (Outcome::Pass, vec!["mlflow-claim"]));
    assert_eq!(verdicts[0].mlflow[0].not_named, ["builtins.eval"]);
    let verdicts = mlflow(&clean(), &text, "[severity]\nmlflow-claim = \"deny\"");
    assert_eq!(outcome(&verdicts[0]), (Outcome::Deny, vec!["mlflow-claim"]));
}

#[test]
fn an_mlflow_model_that_is_loaded_otherwise_is_denied() {
    for format in ["pickle", "cloudpickle", "", "~"] {
        let verdicts = mlflow(&clean(), &mlmodel(format, &["a.B"]), "[severity]\nmlflow-claim = \"allow\"");
        assert_eq!(outcome(&verdicts[0]), (Outcome::Deny, vec!["mlflow-model"]), "{format}");
    }
    let without = mlmodel("x", &[]).replace("    serialization_format: x\n", "");
    assert_eq!(codes(&mlflow(&clean(), &without, "")[0]), ["mlflow-model"]);
    // Code of its own is looked in first for every name.
    let with_code = mlmodel("skops", &["a.B"]).replace("code: null", "code: code");
    let verdicts = mlflow(&clean(), &with_code, "[severity]\nmlflow-claim = \"allow\"");
    assert_eq!(outcome(&verdicts[0]), (Outcome::Deny, vec!["mlflow-code"]));
    // The file that is loaded is judged whatever it is named, and one that is missing is said to be.
    let pickle = mlmodel("skops", &[]).replace("model.skops", "model.pkl");
    let verdicts = mlflow(&clean(), &pickle, "");
    assert_eq!(
        verdicts.iter().map(|verdict| verdict.outcome).collect::<Vec<_>>(),
        [Outcome::Error, Outcome::Pass]
    );
}

#[test]
fn an_mlmodel_that_can_be_read_in_two_ways_is_refused() {
    let good = mlmodel("skops", &["a.B"]);
    let cases = [
        (
            "an alias",
            good.replace("code: null", "code: &x code")
                .replace("python_version: 3.11.7", "python_version: *x"),
        ),
        ("a tag", good.replace("pickled_model: ", "pickled_model: !!python/name:os.system ")),
        ("a key twice", good.replace("    code: null\n", "    pickled_model: other.skops\n")),
        ("a second document", format!("{good}---\nflavors: 1\n")),
        ("a merged mapping", good.replace("    code: null\n", "    <<: {pickled_model: other.skops}\n")),
        ("no YAML", good.replace("flavors:", "flavors: [")),
        ("a path to elsewhere", good.replace("pickled_model: model.skops", "pickled_model: ../model.skops")),
        ("an absolute path", good.replace("pickled_model: model.skops", "pickled_model: /etc/passwd")),
        ("a question mark in braces", "{?\"flavors\": {\"sklearn\": {}}, x: 1}\n".to_owned()),
        ("a question mark in brackets", good.replace("code: null", "code: null\n    skops: [?a.B]")),
        ("a line end of YAML 1.1", good.replace("code: null", "code: null # \u{2028}    code: code")),
        (
            "a text that is trusted",
            good.replace("skops_trusted_types:\n    - a.B\n", "skops_trusted_types: true\n"),
        ),
        ("deep", format!("{good}x: {}{}\n", "[".repeat(100), "]".repeat(100))),
        ("no text", good.replace("mlflow_version", "\u{0}")),
    ];
    for (what, text) in cases {
        let verdicts = mlflow(&clean(), &text, "");
        let found: Vec<_> = verdicts.iter().flat_map(codes).collect();
        assert_eq!(found, ["mlflow-model"], "{what}: {verdicts:?}");
    }
    // What is no model of scikit-learn is none of our business.
    let other = "flavors:\n  pytorch:\n    model_data: data\n";
    assert_eq!(outcome(&mlflow(&clean(), other, "")[0]), (Outcome::Pass, vec![]));
}

/// Whatever is in an `MLmodel`, it is read or refused.
#[test]
fn any_mlmodel_is_read_or_refused() {
    use proptest::prelude::*;
    let folder = folder();
    fs::copy(clean(), folder.path().join("model.skops")).unwrap();
    let good = mlmodel("skops", &["a.B", "c.D"]);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let any = (
        0..good.len(),
        0..40_usize,
        proptest::collection::vec(any::<u8>(), 0..12),
        "[-:?&*!|>'\"%@`#{}\\[\\],\n ]{0,8}",
    );
    runner
        .run(&any, |(start, length, bytes, marks)| {
            let end = (start + length).min(good.len());
            let text =
                [&good.as_bytes()[..start], &bytes, marks.as_bytes(), &good.as_bytes()[end..]].concat();
            fs::write(folder.path().join("MLmodel"), text).unwrap();
            let found = Finder::default().find([folder.path().to_owned()]);
            prop_assert!(!found.inputs.is_empty());
            Ok(())
        })
        .unwrap();
}
