//! What SARIF says of a code, wherever it was found.

use super::format::{Configuration, Help, Message, Rule, RuleProperties};
use super::level;
use crate::error::{Blame, Code};
use crate::policy::Severities;

/// The rule that a code stands for. Its level is that of the default policy; a result says what its policy made of it.
pub(super) fn rule(code: Code) -> Rule {
    let allowed = sentence(code.allowed());
    let hint = sentence(code.hint());
    Rule {
        id: code,
        // A name that is the identifier in other letters would say nothing.
        name: code.as_str().contains('-').then(|| pascal_case(code.as_str())),
        full_description: Message { text: format!("{allowed} {}", meaning(code)) },
        help: Help {
            text: format!("Allowed: {allowed} What to do: {hint}"),
            markdown: format!("**Allowed:** {allowed}\n\n{}\n\n**What to do:** {hint}", meaning(code)),
        },
        short_description: Message { text: allowed },
        default_configuration: Configuration { level: level(Severities::default().of(code)) },
        properties: RuleProperties { tags: tags(code), security_severity: security_severity(code) },
    }
}

/// `zip-comment` as `ZipComment`.
fn pascal_case(name: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "as long as the name")]
    let mut out = String::with_capacity(name.len());
    for word in name.split('-') {
        let mut characters = word.chars();
        out.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(characters.as_str());
    }
    out
}

/// A sentence of a clause.
fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    format!("{}{}.", first.map(String::from).unwrap_or_default(), characters.as_str())
}

fn meaning(code: Code) -> &'static str {
    match code.blame() {
        Blame::Malformed => {
            "A file that breaks this rule is damaged, or not what any release of skops writes."
        }
        Blame::Hostile => {
            "A file that breaks this rule could be read differently by two readers, or is made to mislead one."
        }
        Blame::Limit => "A file that breaks this rule asks for more than a reader should give.",
        Blame::Unsupported => "A file that breaks this rule may be sound, but this release cannot read it.",
        Blame::Untrusted => "What a file names is imported, and mostly called, when skops loads it.",
        Blame::Invariant => "Code that follows such contents without looking may crash, or worse.",
        Blame::Policy => "The policy of the check asks for it.",
        Blame::Io | Blame::Caller => "Otherwise the check cannot be made.",
    }
}

/// Whether the file may run code that its author chose.
fn may_run_code(code: Code) -> bool {
    matches!(
        code,
        Code::UntrustedTypes
            | Code::DeniedType
            | Code::NpyMagic
            | Code::NpyObject
            | Code::NpzFormat
            | Code::MlflowCode
            | Code::MlflowModel
    )
}

fn tags(code: Code) -> Vec<&'static str> {
    match code.blame() {
        Blame::Io | Blame::Caller => vec![],
        // The names are those that GitHub has for weaknesses: deserialization of untrusted data, resource consumption,
        // interpretation conflict.
        _ if may_run_code(code) => vec!["security", "external/cwe/cwe-502"],
        Blame::Limit => vec!["security", "external/cwe/cwe-400"],
        Blame::Hostile => vec!["security", "external/cwe/cwe-436"],
        _ => vec!["security"],
    }
}

/// From 9 on GitHub calls it critical, from 7 on high, from 4 on medium.
fn security_severity(code: Code) -> Option<&'static str> {
    Some(match (code, code.blame()) {
        (_, Blame::Io | Blame::Caller) => return None,
        (Code::UntrustedTypes, _) => "7.5",
        _ if may_run_code(code) => "9.3",
        (Code::Sha256Mismatch, _) | (_, Blame::Hostile) => "8.5",
        (_, Blame::Invariant) => "7.5",
        (_, Blame::Limit) => "6.5",
        (_, Blame::Malformed | Blame::Policy | Blame::Untrusted) => "5.0",
        (_, Blame::Unsupported) => "3.0",
    })
}
