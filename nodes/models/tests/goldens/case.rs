//! The recorded set: where it is, what a case holds, how results are compared and counted.

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What running a case gives: `Ok` when it ran (its checks may still have failed).
pub type Outcome = Result<(), Box<dyn Error>>;

/// A folder with `models/`, `goldens/` and `manifests/`.
pub struct Set {
    pub root: PathBuf,
}

impl Set {
    pub fn find() -> Result<Self, Box<dyn Error>> {
        let root = match std::env::var_os("SELFSAME_GOLDENS") {
            Some(root) => PathBuf::from(root),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/small"),
        };
        // Cargo runs tests in the package folder; a relative path means the folder the user was in.
        let root = if root.is_dir() { root } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(root) };
        if root.join("goldens/index.json").is_file() {
            Ok(Self { root })
        } else {
            Err(format!("no goldens/index.json in {}", root.display()).into())
        }
    }

    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    pub fn goldens(&self) -> PathBuf {
        self.root.join("goldens")
    }

    /// A JSON file of `goldens/`.
    pub fn table(&self, name: &str) -> Result<Value, Box<dyn Error>> {
        let path = self.goldens().join(name);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?)
    }

    pub fn cases(&self) -> Result<Vec<Case>, Box<dyn Error>> {
        #[derive(Deserialize)]
        struct Index {
            cases: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            group: String,
            name: String,
            file: String,
            #[serde(default)]
            meta: Value,
            #[serde(default)]
            tensors: BTreeMap<String, Recorded>,
        }
        let index: Index = serde_json::from_str(&std::fs::read_to_string(self.goldens().join("index.json"))?)?;
        Ok(index
            .cases
            .into_iter()
            .map(|e| Case {
                group: e.group,
                name: e.name,
                meta: e.meta,
                recorded: e.tensors,
                file: self.goldens().join(e.file),
                models: self.models(),
                loaded: RefCell::default(),
                checks: RefCell::default(),
                declined: RefCell::default(),
            })
            .collect())
    }
}

/// What the index says of one tensor.
#[derive(Debug, Clone, Deserialize)]
pub struct Recorded {
    pub tol_abs: Option<f64>,
    pub max_abs: Option<f64>,
}

/// One comparison.
struct Check {
    what: String,
    max_abs: f64,
    tolerance: f64,
}

/// One recorded case.
pub struct Case {
    pub group: String,
    pub name: String,
    pub meta: Value,
    /// The folder with the tiny models.
    pub models: PathBuf,
    recorded: BTreeMap<String, Recorded>,
    file: PathBuf,
    loaded: RefCell<Option<HashMap<String, Tensor>>>,
    checks: RefCell<Vec<Check>>,
    declined: RefCell<Vec<(String, &'static str)>>,
}

impl Case {
    /// A recorded tensor as stored (`in.*` or `out.*`).
    pub fn stored(&self, name: &str) -> Result<Tensor, Box<dyn Error>> {
        self.find(name)?.ok_or_else(|| format!("{} has no tensor {name}", self.file.display()).into())
    }

    /// A recorded tensor as f32, if it is there.
    pub fn find(&self, name: &str) -> Result<Option<Tensor>, Box<dyn Error>> {
        let mut loaded = self.loaded.borrow_mut();
        if loaded.is_none() {
            *loaded = Some(candle_core::safetensors::load(&self.file, &Device::Cpu)?);
        }
        Ok(loaded.as_ref().and_then(|t| t.get(name)).cloned())
    }

    /// A recorded tensor as f32.
    pub fn input(&self, name: &str) -> Result<Tensor, Box<dyn Error>> {
        Ok(self.stored(name)?.to_dtype(DType::F32)?)
    }

    /// A recorded tensor's numbers as f64.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, Box<dyn Error>> {
        Ok(self.stored(name)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
    }

    /// The names of recorded tensors that start with `prefix`, sorted.
    pub fn names(&self, prefix: &str) -> Vec<&str> {
        self.recorded.keys().filter(|k| k.starts_with(prefix)).map(String::as_str).collect()
    }

    /// Whether the case has a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.recorded.contains_key(name)
    }

    /// The largest absolute value of a recorded tensor, if the index states it.
    pub fn max_abs(&self, name: &str) -> Option<f64> {
        self.recorded.get(name).and_then(|recorded| recorded.max_abs)
    }

    /// The folder with the recorded cases.
    pub fn goldens(&self) -> PathBuf {
        self.models.with_file_name("goldens")
    }

    /// The tensors of another case, named as `group/name`.
    pub fn beside(&self, id: &str) -> Case {
        let (group, name) = id.split_once('/').unwrap_or((&self.group, id));
        Case {
            group: group.to_string(),
            name: name.to_string(),
            meta: Value::Null,
            models: self.models.clone(),
            recorded: BTreeMap::new(),
            file: self.goldens().join(format!("{id}.safetensors")),
            loaded: RefCell::default(),
            checks: RefCell::default(),
            declined: RefCell::default(),
        }
    }

    /// A string of the case's parameters.
    pub fn text(&self, key: &str) -> Result<&str, Box<dyn Error>> {
        self.meta[key].as_str().ok_or_else(|| format!("meta has no text {key}").into())
    }

    /// A number of the case's parameters.
    pub fn number(&self, key: &str) -> Result<f64, Box<dyn Error>> {
        self.meta[key].as_f64().ok_or_else(|| format!("meta has no number {key}").into())
    }

    /// Compares with the recorded tensor `name` under exactly its `tol_abs`.
    pub fn check(&self, name: &str, got: &Tensor) -> Outcome {
        let tolerance = self.recorded.get(name).and_then(|r| r.tol_abs);
        let tolerance = tolerance.ok_or_else(|| format!("the index states no tol_abs for {name}"))?;
        self.check_within(name, got, tolerance)
    }

    /// Compares with the recorded tensor `name` under a tolerance that the set's README states.
    pub fn check_within(&self, name: &str, got: &Tensor, tolerance: f64) -> Outcome {
        let expected = self.stored(name)?;
        if expected.dims() != got.dims() {
            return Err(format!("{name}: expected shape {:?}, got {:?}", expected.dims(), got.dims()).into());
        }
        let flat = |t: &Tensor| -> Result<Vec<f64>, Box<dyn Error>> {
            Ok(t.to_device(&Device::Cpu)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
        };
        self.push(name, max_abs(&flat(&expected)?, &flat(got)?), tolerance);
        Ok(())
    }

    /// Says why a recorded output is not compared.
    pub fn decline(&self, name: &str, why: &'static str) {
        self.declined.borrow_mut().push((name.to_string(), why));
    }

    /// Records a comparison that was made elsewhere.
    pub fn push(&self, what: &str, max_abs: f64, tolerance: f64) {
        self.checks.borrow_mut().push(Check { what: what.to_string(), max_abs, tolerance });
    }
}

/// The largest absolute difference; a NaN on one side alone counts as infinite.
pub fn max_abs(a: &[f64], b: &[f64]) -> f64 {
    let diff = |(a, b): (&f64, &f64)| if a == b || (a.is_nan() && b.is_nan()) { 0.0 } else { (a - b).abs() };
    a.iter().zip(b).map(diff).fold(0.0, |m, d| if d.is_nan() { f64::INFINITY } else { m.max(d) })
}

/// Counts and prints.
pub struct Tally {
    filter: String,
    passed: usize,
    failures: Vec<String>,
}

impl Tally {
    pub fn new(filter: &str) -> Self {
        Self { filter: filter.to_string(), passed: 0, failures: Vec::new() }
    }

    pub fn wants(&self, id: &str) -> bool {
        id.contains(&self.filter)
    }

    /// Runs a case, which must compare or decline every output.
    pub fn run_every(&mut self, case: &Case, run: fn(&Case) -> Outcome) {
        self.run(case, run, |_| true);
    }

    /// Runs a case, which must compare every output that states a tolerance.
    pub fn run_whole(&mut self, case: &Case, run: fn(&Case) -> Outcome) {
        self.run(case, run, |recorded| recorded.tol_abs.is_some());
    }

    /// Runs a case of which only some outputs are compared.
    pub fn run_partly(&mut self, case: &Case, run: fn(&Case) -> Outcome) {
        self.run(case, run, |_| false);
    }

    fn run(&mut self, case: &Case, run: fn(&Case) -> Outcome, is_wanted: fn(&Recorded) -> bool) {
        let id = format!("{}/{}", case.group, case.name);
        if !self.wants(&id) {
            return;
        }
        if let Err(error) = run(case) {
            return self.fail(&id, &error.to_string());
        }
        let (checks, declined) = (case.checks.borrow(), case.declined.borrow());
        for (name, why) in declined.iter() {
            println!("{id}: {name} is not compared: {why}");
        }
        if checks.is_empty() && !declined.is_empty() {
            return;
        }
        if checks.is_empty() {
            return self.fail(&id, "nothing was compared");
        }
        let wanted = case.recorded.iter().filter(|(name, r)| name.starts_with("out.") && is_wanted(r));
        let is_left = |name: &&str| checks.iter().all(|c| c.what != *name) && declined.iter().all(|(d, _)| d != name);
        let left: Vec<&str> = wanted.map(|(name, _)| name.as_str()).filter(is_left).collect();
        if !left.is_empty() {
            return self.fail(&id, &format!("never compared: {}", left.join(", ")));
        }
        // The line shows the check that is nearest to its tolerance, or furthest beyond it.
        let ratio = |c: &Check| if c.tolerance > 0.0 { c.max_abs / c.tolerance } else { c.max_abs * f64::INFINITY };
        let bad: Vec<&Check> = checks.iter().filter(|c| c.max_abs > c.tolerance).collect();
        let worst = checks.iter().max_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        if bad.is_empty() {
            let worst = worst.map(|c| (c.max_abs, c.tolerance)).unwrap_or_default();
            self.pass(&id, worst.0, worst.1, checks.len());
        } else {
            let words: Vec<String> =
                bad.iter().map(|c| format!("{} {:.3e} > {:.3e}", c.what, c.max_abs, c.tolerance)).collect();
            self.fail(&id, &words.join(", "));
        }
    }

    /// A row of a table, compared by the caller.
    pub fn row(&mut self, id: &str, max_abs: f64, tolerance: f64) {
        if !self.wants(id) {
        } else if max_abs <= tolerance {
            self.pass(id, max_abs, tolerance, 1);
        } else {
            self.fail(id, &format!("{max_abs:.3e} > {tolerance:.3e}"));
        }
    }

    fn pass(&mut self, id: &str, max_abs: f64, tolerance: f64, checks: usize) {
        self.passed += 1;
        println!("{id}: {max_abs:.3e}, {tolerance:.3e}, PASS ({checks} tensors)");
    }

    pub fn fail(&mut self, id: &str, why: &str) {
        println!("{id}: FAIL {why}");
        self.failures.push(id.to_string());
    }

    pub fn close(self) -> ExitCode {
        if !self.failures.is_empty() {
            println!("\nfailed:\n  {}", self.failures.join("\n  "));
        }
        println!("goldens: {} passed, {} failed", self.passed, self.failures.len());
        if self.passed == 0 || !self.failures.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
