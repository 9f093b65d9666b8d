//! What a plugin does to its process is a failure of its node when it is isolated, and the host goes on. Where it is loaded into
//! the host, only what does no lasting harm is tried.

use crate::hazards::runs_well;
use crate::kit::*;
use crate::load::host_works_with;
use selfsame_host::plugin::Plugin;
use selfsame_host::{Host, HostSettings, Nodes};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Error, NodeType, Result, Status, Value};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The plugin in C that misbehaves.
pub fn c_library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| build_c(&file("plugins/fixtures/c/process.c"), "process", &["-lm"])).clone()
}

pub fn call(node: &Arc<dyn NodeType>, how: &str, path: &str) -> Result<Vec<Value>> {
    TestHost::new().run(&**node, &[("how", Value::Text(how.into())), ("path", Value::Text(path.into()))])
}

/// The node does as it should, and so does the rest of a host that has it.
#[track_caller]
pub fn goes_on(node: &Arc<dyn NodeType>) {
    assert!(matches!(call(node, "well", "").unwrap()[..], [Value::Float(1.0)]));
    let mut nodes = Nodes::built_in();
    nodes.add(node.clone()).unwrap();
    runs_well(&Host::new(HostSettings { nodes, device: "cpu".to_owned(), ..HostSettings::default() }).unwrap());
}

/// What the plugin in C leaves as it is for a plugin that is loaded into the host.
mod loaded {
    use super::*;

    fn is_well(node: &Arc<dyn NodeType>, how: &str) {
        assert!(matches!(call(node, how, "").unwrap()[..], [Value::Float(1.0)]), "{how}");
        goes_on(node);
    }

    #[test]
    fn rounding_and_denormals_are_as_before() {
        let node = Plugin::load(&c_library()).unwrap().nodes()[0].clone();
        let numbers = || {
            let (one, three, small) = std::hint::black_box((1.0f32, 3.0f32, f32::MIN_POSITIVE));
            [(one / three).to_bits(), (-one / three).to_bits(), (small / three).to_bits()]
        };
        let before = numbers();
        is_well(&node, "rounding");
        assert_eq!(numbers(), before);
    }

    #[test]
    fn the_language_of_the_process_changes_no_number() {
        let node = Plugin::load(&c_library()).unwrap().nodes()[0].clone();
        is_well(&node, "locale");
        assert_eq!((format!("{}", 1.5), "1.5".parse()), ("1.5".to_owned(), Ok(1.5)));
    }

    #[test]
    fn a_hook_for_panics_and_threads_of_its_own_stay_with_the_plugin() {
        // A library of its own: other tests panic in theirs, and its hook ends the process.
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join(library("selfsame-fixtures").file_name().unwrap());
        let mut bytes = std::fs::read(library("selfsame-fixtures")).unwrap();
        bytes.extend(b"another build");
        std::fs::write(&copy, bytes).unwrap();
        let plugin = Plugin::load(&copy).unwrap();
        let deed = node(&plugin, "Deed");
        let run = |deed_name: &str| TestHost::new().run(&*deed, &[("deed", Value::Text(deed_name.into()))]);
        assert!(matches!(run("threads").unwrap()[..], [Value::Int(sum)] if sum == 64 * 499_500 + 63 * 32));
        // With its hook called here, this would end the tests.
        run("hook").unwrap();
        assert!(std::panic::catch_unwind(|| panic!("a panic of the host")).is_err());
        runs_well(&host(&plugin));
    }
}

#[cfg(target_os = "linux")]
mod isolated {
    use super::*;
    use selfsame_host::plugin::helper::{Isolation, Limits};
    use selfsame_host::{NodeState, RunResult};
    use std::process::{Command, Stdio};

    /// The node in C in a process of its own, with strikes of its own.
    fn process() -> Arc<dyn NodeType> {
        process_with(|_| {})
    }

    fn process_with(change: impl FnOnce(&mut Limits)) -> Arc<dyn NodeType> {
        let mut isolation = isolation();
        change(&mut isolation.limits);
        Plugin::load_isolated(&c_library(), &isolation).unwrap().nodes()[0].clone()
    }

    /// What is wrong, without where it comes from; the node then works again.
    fn broken(node: &Arc<dyn NodeType>, how: &str) -> String {
        let Error { message, status, .. } = error(call(node, how, ""));
        assert_eq!(status, Status::Internal, "{message}");
        goes_on(node);
        let told = message.strip_suffix(" (plugin process 1.0.0)");
        told.unwrap_or_else(|| panic!("{message}")).to_owned()
    }

    fn is_well(node: &Arc<dyn NodeType>, how: &str) {
        assert!(matches!(call(node, how, "").unwrap()[..], [Value::Float(1.0)]), "{how}");
    }

    #[test]
    fn a_crash_is_a_failure_of_the_node() {
        let crashed = "the plugin crashed, and the host goes on: ";
        let segfault = "its process was ended by SIGSEGV (a wrong address in memory, or no stack left)";
        assert_eq!(broken(&process(), "segfault"), format!("{crashed}{segfault}"));
        assert_eq!(
            broken(&process(), "abort"),
            format!("{crashed}its process was ended by SIGABRT (it gave up itself)")
        );
        // It cannot keep the host waiting either.
        assert_eq!(broken(&process(), "hold"), format!("{crashed}it ended its process itself, with exit code 0"));
        // Rust, which runs the thread, sees that it is the stack, and says so before it gives up.
        let told = broken(&process(), "stack");
        assert!(told.contains("SIGABRT") && told.contains("overflow") || told.contains("SIGSEGV"), "{told}");
        assert_eq!(broken(&process(), "exit"), format!("{crashed}it ended its process itself, with exit code 3"));
        let told = broken(&process(), "heap");
        assert!(told.contains("SIGABRT") || told.contains("SIGSEGV"), "{told}");
        assert_eq!(broken(&process(), "handler"), format!("{crashed}it ended its process itself, with exit code 7"));
    }

    #[test]
    fn the_same_in_rust() {
        let plugin = Plugin::load_isolated(&library("selfsame-fixtures"), &isolation()).unwrap();
        let run =
            |deed_name: &str| TestHost::new().run(&*node(&plugin, "Deed"), &[("deed", Value::Text(deed_name.into()))]);
        let stack = error(run("stack")).message;
        assert!(stack.contains("SIGABRT") && stack.contains("overflow"), "{stack}");
        let memory = error(run("memory")).message;
        assert!(
            memory.contains("SIGABRT") && memory.contains("memory allocation of 21474836480 bytes failed"),
            "{memory}"
        );
        assert!(run("well").is_ok());
        assert!(matches!(run("threads").unwrap()[..], [Value::Int(sum)] if sum == 64 * 499_500 + 63 * 32));
        run("hook").unwrap();
        assert!(run("well").is_ok());
        runs_well(&host(&plugin));
    }

    #[test]
    fn connections_are_of_no_use_to_a_plugin() {
        let told = broken(&process(), "close");
        assert!(
            told.contains("it ended its process itself") || told.contains("it has closed its connection"),
            "{told}"
        );
        let told = broken(&process(), "garbage");
        assert!(
            told.starts_with("the plugin was stopped, and the host goes on: its process was killed: it says"),
            "{told}"
        );
    }

    #[test]
    fn limits_hold() {
        let soon = |limits: &mut Limits| limits.call = Some(Duration::from_millis(300));
        let slow = "the plugin was stopped, and the host goes on: its process was killed: \
                    the call took longer than 300ms, the limit of time";
        for how in ["deadlock", "spin", "chatter"] {
            assert_eq!(broken(&process_with(soon), how), slow);
        }
        let memory = process_with(|limits| limits.memory_bytes = 256 << 20);
        let told = broken(&memory, "shared memory");
        assert!(told.ends_with("its process was killed: it took more than 256 MiB, the limit of memory"), "{told}");
        let threads = process_with(|limits| limits.threads = 100);
        let told = broken(&threads, "threads");
        assert!(told.ends_with("its process was killed: it started more than 100 threads"), "{told}");
        assert!(broken(&process(), "threads").ends_with("it started more than 256 threads"), "the usual limit");
        is_well(&process_with(|limits| limits.threads = 1000), "threads");
        let cpu = process_with(|limits| limits.cpu = Some(Duration::from_secs(1)));
        let told = broken(&cpu, "spin");
        assert!(told.contains("SIGXCPU") || told.contains("SIGKILL"), "{told}");
    }

    /// What the system refuses is for the plugin to tell.
    #[test]
    fn bombs_do_not_go_off() {
        let node = process();
        let told = |how: &str| error(call(&node, how, "")).message;
        assert_eq!(told("memory"), "malloc: Cannot allocate memory (plugin process 1.0.0)");
        if crate::permissions::is_sandboxed() {
            assert_eq!(told("fork"), "fork: Operation not permitted (plugin process 1.0.0)");
        }
        let node = process_with(|limits| limits.open_files = 100);
        let Ok([Value::Float(count)]) =
            call(&node, "files", "").as_deref().map(|values| <[Value; 1]>::try_from(values.to_vec()).unwrap())
        else {
            panic!("files")
        };
        assert!((50.0..100.0).contains(&count), "{count}");
        goes_on(&node);
    }

    #[test]
    fn a_run_that_is_cancelled_ends_whatever_the_plugin_does() {
        for how in ["spin", "chatter"] {
            let (node, host) = (process(), TestHost::new());
            std::thread::scope(|scope| {
                let running = scope.spawn(|| host.run(&*node, &[("how", Value::Text(how.into()))]));
                while host.said().progress.is_empty() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let started = Instant::now();
                host.cancel();
                assert_eq!(error(running.join().unwrap()).status, Status::Cancelled);
                let took = started.elapsed();
                assert!(took > Duration::from_millis(400) && took < Duration::from_secs(5), "{took:?}");
            });
            let warning = "plugin process did not stop when it should, and its process was killed";
            assert_eq!(host.said().logs.last().unwrap().1, warning);
            goes_on(&node);
        }
    }

    #[test]
    fn three_crashes_disable_a_node_type() {
        let node = process();
        for _ in 0..3 {
            assert!(error(call(&node, "segfault", "")).message.contains("SIGSEGV"));
        }
        let error = error(call(&node, "well", ""));
        assert_eq!(error.status, Status::Unsupported);
        assert!(error.message.starts_with("this node type is disabled"), "{error}");
        host_works_with(&[&samples()]);
    }

    #[test]
    fn what_is_changed_for_the_whole_process_is_changed_there_only() {
        let (node, before) = (process(), std::env::current_dir().unwrap());
        for how in ["chdir", "locale", "signals", "rounding"] {
            is_well(&node, how);
            goes_on(&node);
        }
        assert_eq!(std::env::current_dir().unwrap(), before);
        assert_eq!(1.0f32 / std::hint::black_box(3.0), 0.333_333_34);
    }

    #[test]
    fn what_it_writes_is_shown_and_not_too_much() {
        let (node, host) = (process(), TestHost::new());
        host.run(&*node, &[("how", Value::Text("spam".into()))]).unwrap();
        let logs: Vec<String> = host.said().logs.into_iter().map(|(_, message)| message).collect();
        assert_eq!(logs.len(), 201, "{logs:?}");
        assert!(logs[..200].iter().all(|line| line.starts_with("output: line") || line.starts_with("output: error")));
        assert!(logs[200].starts_with("output: ") && logs[200].ends_with(" more lines"), "{}", logs[200]);
        goes_on(&node);
    }

    #[test]
    fn the_rest_of_a_graph_is_computed_and_the_next_run_is_like_any_other() {
        let plugin = Plugin::load_isolated(&c_library(), &isolation()).unwrap();
        let (host, folder) = (host(&plugin), tempfile::tempdir().unwrap());
        let crash = run(&host, folder.path(), &graph(r#""p": Process(how: "segfault")"#, "p.out"));
        assert_eq!((crash.result, &*crash.failures[0].node), (RunResult::Failed, "p"));
        assert!(failure(&crash).contains("the plugin crashed, and the host goes on"), "{}", failure(&crash));
        let well = run(&host, folder.path(), &graph(r#""p": Process(how: "well")"#, "p.out"));
        assert!(matches!(output(&well), Value::Float(1.0)));
        runs_well(&host);
    }

    /// What the process had is lost with it, and made again.
    #[test]
    fn what_was_lost_is_made_again() {
        let plugin = Plugin::load_isolated(&library("selfsame-fixtures"), &isolation()).unwrap();
        let (host, folder) = (host(&plugin), tempfile::tempdir().unwrap());
        let nodes = r#""kept": Keep(text: "it"), "open": Open(kept: Out("kept.kept")),"#;
        let kept = graph(nodes, "open.text");
        assert_eq!(run(&host, folder.path(), &kept).count(NodeState::Ran), 2);
        assert_eq!(state(&run(&host, folder.path(), &kept), "kept"), NodeState::Reused);
        let lost = TestHost::new().run(&*node(&plugin, "Keep"), &[("text", Value::Text("lost".into()))]).unwrap();
        run(&host, folder.path(), &graph(r#""deed": Deed(deed: "exit")"#, "deed.number"));
        let again = run(&host, folder.path(), &kept);
        assert_eq!(state(&again, "kept"), NodeState::Ran);
        assert!(matches!(output(&again), Value::Text(text) if &*text == "it"));
        let error = error(TestHost::new().run(&*node(&plugin, "Open"), &[("kept", lost[0].clone())]));
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            error.to_string(),
            format!(
                "input `kept`: test.KEPT/1 (kept \"lost\") was lost with the process of its plugin (plugin selfsame-fixtures {version})"
            )
        );
        assert_eq!(error.hint.as_deref(), Some("run again: what is lost is made again"));
        runs_well(&host);
    }

    #[test]
    fn a_library_that_misbehaves_while_it_is_loaded_is_described_as_such() {
        let describe = |name: &str, constructor: &str, start: u64| {
            let source = file("plugins/fixtures/c/process.c");
            let library = build_c(&source, name, &["-lm", &format!("-DCONSTRUCTOR={constructor}")]);
            let mut isolation: Isolation = isolation();
            isolation.limits.start = Duration::from_millis(start);
            Plugin::load_isolated(&library, &isolation).map(|_| panic!("it was loaded")).unwrap_err().to_string()
        };
        let loaded = "while it was loaded, ";
        assert_eq!(
            describe("aborts", "abort()", 20_000),
            format!("{loaded}its process was ended by SIGABRT (it gave up itself)")
        );
        assert_eq!(
            describe("exits", "exit(0)", 20_000),
            format!("{loaded}it ended its process itself, with exit code 0")
        );
        assert_eq!(
            describe("hangs", "for(;;)sleep(1)", 2000),
            format!("{loaded}its process was killed: it was not loaded within 2s, the limit of time")
        );
        let nothing = super::super::kit::file("README.md");
        let error = Plugin::load_isolated(&nothing, &isolation()).err().unwrap().to_string();
        assert_eq!(error, Plugin::load(&nothing).err().unwrap().to_string());
        host_works_with(&[&samples()]);
    }

    /// The process ends with the plugin, and its folder goes.
    #[test]
    fn nothing_is_left_behind() {
        let plugin = Plugin::load_isolated(&c_library(), &isolation()).unwrap();
        let told = error(call(&plugin.nodes()[0], "who", "")).message;
        let mut words = told.split(' ');
        let (process, folder) =
            (PathBuf::from("/proc").join(words.next().unwrap()), PathBuf::from(words.next().unwrap()));
        assert!(process.exists() && folder.exists(), "{told}");
        drop(plugin);
        assert!(!process.exists() && !folder.exists(), "{told}");
    }

    /// Also if nobody could tell it to end.
    #[test]
    fn the_process_ends_with_the_host() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("g.ron"), graph(r#""p": Process(how: "spin")"#, "p.out")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_selfsame"));
        command.args(["run", "g.ron", "--isolate-plugins", "--plugin"]).arg(c_library()).current_dir(folder.path());
        command.env("SELFSAME_CONFIG", "").env("HOME", folder.path()).env("XDG_CACHE_HOME", folder.path());
        let mut program = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let parent = format!("PPid:\t{}\n", program.id());
        let children = || -> Vec<PathBuf> {
            let all = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
            let status = |path: &PathBuf| std::fs::read_to_string(path.join("status")).unwrap_or_default();
            all.filter(|path| status(path).contains(&parent)).collect()
        };
        let field = |path: &PathBuf, i: usize| {
            let stat = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
            stat.split(' ').nth(i).unwrap_or_default().to_owned()
        };
        // The first one has only described the plugin; the one that spins uses up its time.
        let spins = |path: &PathBuf| field(path, 13).parse::<u64>().is_ok_and(|ticks| ticks > 20);
        let started = Instant::now();
        let process = loop {
            if let Some(process) = children().into_iter().find(spins) {
                break process;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "it does not run");
            std::thread::sleep(Duration::from_millis(20));
        };
        program.kill().unwrap();
        program.wait().unwrap();
        // Whoever inherits it may not look after it.
        while !matches!(&*field(&process, 2), "" | "Z") {
            assert!(started.elapsed() < Duration::from_secs(120), "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
