//! Results in memory, under a budget of bytes.

use super::Record;
use crate::key::Key;
use selfsame_sdk::Object;
use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// How many records are kept. One takes a few hundred bytes, unless it holds a long text or list of numbers.
const MAX_RECORDS: usize = 200_000;

/// How many bytes of records are kept.
const MAX_RECORD_BYTES: u64 = 256 << 20;

/// How many values and resources are kept, since some say that they take no memory.
const MAX_ENTRIES: usize = 100_000;

/// Records, values and shared resources.
///
/// When the budget is exceeded, what is cheapest to make again goes first: least seconds for its bytes, aged by use
/// (GreedyDual-Size, Cao and Irani 1997: the priority is that of the last thing given up plus cost over size).
pub(crate) struct Memory {
    budget: u64,
    records: HashMap<Key, Record, KeyHash>,
    record_bytes: u64,
    /// Keys of records, oldest first.
    record_age: std::collections::VecDeque<Key>,
    entries: HashMap<Id, Entry>,
    by_priority: BTreeSet<(Priority, Id)>,
    bytes: u64,
    /// The priority of what was given up last.
    floor: f64,
    given_up: u64,
}

/// How much memory results take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes of values and shared resources.
    pub bytes: u64,
    /// How many of them there are.
    pub entries: usize,
    /// How many calls are remembered.
    pub records: usize,
    /// How many values and resources were given up so far to stay within the budget.
    pub given_up: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Id {
    Value(Key),
    Shared(Arc<str>),
}

enum Held {
    Value(Arc<dyn Object>),
    Shared(Arc<dyn Any + Send + Sync>),
}

struct Entry {
    held: Held,
    bytes: u64,
    seconds: f64,
    priority: Priority,
}

/// A priority that can be ordered: never NaN.
#[derive(Clone, Copy, PartialEq)]
struct Priority(f64);

impl Eq for Priority {}

impl PartialOrd for Priority {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Priority {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Memory {
    pub fn new(budget: u64) -> Self {
        Memory {
            budget,
            records: HashMap::default(),
            record_bytes: 0,
            record_age: Default::default(),
            entries: HashMap::new(),
            by_priority: BTreeSet::new(),
            bytes: 0,
            floor: 0.0,
            given_up: 0,
        }
    }

    pub fn record(&self, key: &Key) -> Option<&Record> {
        self.records.get(key)
    }

    pub fn add_record(&mut self, key: Key, record: Record) {
        self.record_bytes += record.bytes();
        match self.records.insert(key, record) {
            Some(before) => self.record_bytes -= before.bytes(),
            None => self.record_age.push_back(key),
        }
        while (self.record_age.len() > MAX_RECORDS || self.record_bytes > MAX_RECORD_BYTES)
            && let Some(oldest) = self.record_age.pop_front()
        {
            self.record_bytes -= self.records.remove(&oldest).map_or(0, |record| record.bytes());
        }
    }

    /// A value that is kept. One that was lost with the process of its plugin is given up.
    pub fn value(&mut self, key: &Key) -> Option<Arc<dyn Object>> {
        match self.touch(Id::Value(*key))? {
            Held::Value(object) if object.is_lost() => {
                self.remove(&Id::Value(*key));
                None
            }
            Held::Value(object) => Some(object.clone()),
            Held::Shared(_) => None,
        }
    }

    /// Keeps a value that took `seconds` to make.
    pub fn add_value(&mut self, key: Key, object: Arc<dyn Object>, seconds: f64) {
        let bytes = object.bytes();
        self.add(Id::Value(key), Held::Value(object), bytes, seconds);
    }

    pub fn shared(&mut self, key: &str) -> Option<Arc<dyn Any + Send + Sync>> {
        match self.touch(Id::Shared(key.into()))? {
            Held::Shared(resource) => Some(resource.clone()),
            Held::Value(_) => None,
        }
    }

    pub fn add_shared(&mut self, key: &str, resource: Arc<dyn Any + Send + Sync>, bytes: u64, seconds: f64) {
        self.add(Id::Shared(key.into()), Held::Shared(resource), bytes, seconds);
    }

    /// Gives up everything that nobody else holds.
    pub fn clear(&mut self) {
        self.shrink_to(0);
    }

    /// Gives up records and values; shared resources stay.
    pub fn forget_results(&mut self) {
        self.records.clear();
        self.record_age.clear();
        self.record_bytes = 0;
        let values: Vec<Id> = self.entries.keys().filter(|id| matches!(id, Id::Value(_))).cloned().collect();
        values.iter().for_each(|id| drop(self.remove(id)));
    }

    pub fn in_use(&self) -> MemoryUse {
        let Memory { bytes, entries, records, given_up, .. } = self;
        MemoryUse { bytes: *bytes, entries: entries.len(), records: records.len(), given_up: *given_up }
    }

    fn touch(&mut self, id: Id) -> Option<&Held> {
        let entry = self.entries.get_mut(&id)?;
        let fresh = priority(self.floor, entry.bytes, entry.seconds);
        if fresh != entry.priority {
            self.by_priority.remove(&(entry.priority, id.clone()));
            self.by_priority.insert((fresh, id));
            entry.priority = fresh;
        }
        Some(&entry.held)
    }

    fn add(&mut self, id: Id, held: Held, bytes: u64, seconds: f64) {
        self.remove(&id);
        let priority = priority(self.floor, bytes, seconds);
        self.by_priority.insert((priority, id.clone()));
        self.entries.insert(id, Entry { held, bytes, seconds, priority });
        self.bytes += bytes;
        if self.bytes > self.budget || self.entries.len() > MAX_ENTRIES {
            self.shrink_to(self.budget);
        }
    }

    fn remove(&mut self, id: &Id) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.by_priority.remove(&(entry.priority, id.clone()));
        self.bytes -= entry.bytes;
        Some(entry)
    }

    /// Gives up entries until the rest fits, lowest priority first.
    fn shrink_to(&mut self, budget: u64) {
        // A shared resource in use takes its memory whether it is kept here or not, and without its entry the next node
        // would load it a second time. It may be in use by values only that go in the first pass.
        let mut in_use = Vec::new();
        for _ in 0..2 {
            while (self.bytes > budget || self.entries.len() > MAX_ENTRIES || budget == 0)
                && let Some((priority, id)) = self.by_priority.pop_first()
            {
                let Some(entry) = self.entries.get(&id) else { continue };
                if matches!(&entry.held, Held::Shared(resource) if Arc::strong_count(resource) > 1) {
                    in_use.push((priority, id));
                    continue;
                }
                self.floor = self.floor.max(priority.0);
                self.bytes -= entry.bytes;
                self.given_up += 1;
                self.entries.remove(&id);
            }
            self.by_priority.extend(in_use.drain(..));
        }
    }
}

fn priority(floor: f64, bytes: u64, seconds: f64) -> Priority {
    Priority(floor + seconds.max(1e-9) / (bytes as f64 + 64.0))
}

/// Keys are digests already: their first bytes are as good as any hash of them.
#[derive(Default)]
pub(crate) struct FirstBytes(u64);

type KeyHash = BuildHasherDefault<FirstBytes>;

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    // The length of an array comes first, and is always the same.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::{Image, Value};

    fn key(n: u8) -> Key {
        Key([n; 32])
    }

    /// A picture of 400 bytes.
    fn picture() -> Arc<dyn Object> {
        match Value::object(Image::new([1, 10, 10, 1], vec![0.0; 100]).unwrap()) {
            Value::Object(object) => object,
            _ => unreachable!(),
        }
    }

    #[test]
    fn what_is_cheapest_to_make_again_goes_first() {
        let mut memory = Memory::new(1000);
        memory.add_value(key(1), picture(), 5.0);
        memory.add_value(key(2), picture(), 0.1);
        memory.add_value(key(3), picture(), 1.0);
        assert!(memory.value(&key(1)).is_some());
        assert!(memory.value(&key(2)).is_none());
        assert!(memory.value(&key(3)).is_some());
        assert_eq!(memory.in_use(), MemoryUse { bytes: 800, entries: 2, records: 0, given_up: 1 });
    }

    #[test]
    fn what_is_not_used_ages() {
        let mut memory = Memory::new(800);
        memory.add_value(key(1), picture(), 5.0);
        // Each newcomer raises the floor a little, until the expensive one that nobody asks for is below it.
        for n in 2..60 {
            memory.add_value(key(n), picture(), 1.0);
        }
        assert!(memory.value(&key(1)).is_none());
        assert_eq!(memory.in_use().bytes, 800);
    }

    #[test]
    fn shared_resources_in_use_stay() {
        let mut memory = Memory::new(100);
        let weights: Arc<dyn Any + Send + Sync> = Arc::new(vec![0u8; 10]);
        memory.add_shared("weights", weights.clone(), 1_000_000, 1.0);
        assert!(memory.shared("weights").is_some(), "somebody holds it");
        memory.clear();
        assert!(memory.shared("weights").is_some(), "somebody still holds it");
        drop(weights);
        memory.clear();
        assert!(memory.shared("weights").is_none());
        assert_eq!(memory.in_use().bytes, 0);
    }

    #[test]
    fn results_are_forgotten_and_resources_stay() {
        let mut memory = Memory::new(1000);
        memory.add_value(key(1), picture(), 1.0);
        let reads = crate::cache::Reads::default();
        memory.add_record(key(1), Record { outcome: crate::cache::Outcome::Asks(0), seconds: 1.0, reads });
        memory.add_shared("weights", Arc::new(0u8), 10, 1.0);
        memory.forget_results();
        assert!(memory.value(&key(1)).is_none() && memory.record(&key(1)).is_none());
        assert!(memory.shared("weights").is_some());
        assert_eq!(memory.in_use(), MemoryUse { bytes: 10, entries: 1, records: 0, given_up: 0 });
    }

    #[test]
    fn a_value_larger_than_the_budget_is_not_kept() {
        let mut memory = Memory::new(100);
        memory.add_value(key(1), picture(), 100.0);
        assert_eq!(memory.in_use().bytes, 0);
    }
}
