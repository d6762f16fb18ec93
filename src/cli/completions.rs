//! `skops-rs completions` and `skops-rs man`, both from the definition of the command line.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use skops_rs::text::shown;

use super::Outcome;
use super::output;

/// Print completions for a shell
#[derive(Debug, Args)]
pub(crate) struct CompletionArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn complete(arguments: &CompletionArguments) -> io::Result<Outcome> {
    // The generator takes a writer but gives up with a panic when it fails; a vector does not fail.
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Cli::command(), "skops-rs", &mut text);
    print(&text)
}

/// Print the manual page of this program or of one of its commands, in roff
#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The command, such as `inspect`; without one, the page of the program
    command: Option<String>,
}

pub(crate) fn man(arguments: &ManArguments) -> io::Result<Outcome> {
    let mut command = super::Cli::command();
    command.build();
    if let Some(name) = &arguments.command {
        let Some(found) = command.find_subcommand(name) else {
            let error = command.error(
                clap::error::ErrorKind::InvalidSubcommand,
                format!("there is no command '{}'", shown(name)),
            );
            error.exit();
        };
        let found = found.clone().display_name(format!("skops-rs-{name}"));
        command = found;
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    print(&text)
}

fn print(text: &[u8]) -> io::Result<Outcome> {
    let mut out = output::stdout();
    out.write_all(text)?;
    out.flush()?;
    Ok(Outcome::Done)
}
