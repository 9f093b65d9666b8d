//! The command line `selfsame`: a thin layer over the library `selfsame_host`.
#![forbid(unsafe_code)]

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
