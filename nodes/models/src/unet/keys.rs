//! Typed access to a JSON config, with errors that name the key.

use crate::{Error, Result};
use serde_json::Value;

/// Typed access to a JSON config, with errors that name the key.
pub(crate) struct Keys<'a> {
    pub json: &'a Value,
    pub what: &'static str,
}

impl Keys<'_> {
    pub fn error(&self, key: &str, message: &str) -> Error {
        Error::config(self.what, format!("{key}: {message}"))
    }

    /// Options that change the computation in ways this crate does not know; each entry is the one value it does know.
    pub fn refuse_unsupported(&self) -> Result<()> {
        const ONLY: &[(&str, &[&str])] = &[
            ("act_fn", &["\"silu\"", "\"swish\""]),
            ("attention_type", &["\"default\""]),
            ("class_embed_type", &[]),
            ("class_embeddings_concat", &["false"]),
            ("cross_attention_norm", &[]),
            ("dual_cross_attention", &["false"]),
            ("encoder_hid_dim_type", &[]),
            ("mid_block_only_cross_attention", &["false"]),
            ("mid_block_scale_factor", &["1", "1.0"]),
            ("num_attention_heads", &[]),
            ("num_class_embeds", &[]),
            ("resnet_out_scale_factor", &["1", "1.0"]),
            ("resnet_skip_time_act", &["false"]),
            ("resnet_time_scale_shift", &["\"default\""]),
            ("time_embedding_act_fn", &[]),
            ("time_embedding_dim", &[]),
            ("time_embedding_type", &["\"positional\""]),
            ("timestep_post_act", &[]),
        ];
        for (key, allowed) in ONLY {
            let Some(value) = self.json.get(*key).filter(|v| !v.is_null()) else { continue };
            if !allowed.contains(&value.to_string().as_str()) {
                let hint = if allowed.is_empty() { "null".to_string() } else { allowed.join(" or ") };
                return Err(self.error(key, &format!("{value} is not supported, only {hint}")));
            }
        }
        Ok(())
    }

    pub fn value(&self, key: &str) -> Option<&Value> {
        self.json.get(key).filter(|v| !v.is_null())
    }

    /// Every number of a network's structure is far below this; more would only exhaust memory.
    const LARGEST: u64 = 1 << 16;

    pub fn as_number(&self, key: &str, value: &Value) -> Result<usize> {
        let number = value.as_u64().filter(|n| *n <= Self::LARGEST).map(|n| n as usize);
        number.ok_or_else(|| {
            self.error(key, &format!("expected a whole number of at most {}, got {value}", Self::LARGEST))
        })
    }

    pub fn optional(&self, key: &str) -> Result<Option<usize>> {
        self.value(key).map(|v| self.as_number(key, v)).transpose()
    }

    pub fn required(&self, key: &str) -> Result<usize> {
        self.optional(key)?.ok_or_else(|| self.error(key, "is missing"))
    }

    pub fn number(&self, key: &str, default: usize) -> Result<usize> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    pub fn float(&self, key: &str, default: f64) -> Result<f64> {
        match self.value(key) {
            None => Ok(default),
            Some(v) => v.as_f64().ok_or_else(|| self.error(key, &format!("expected a number, got {v}"))),
        }
    }

    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.value(key) {
            None => Ok(default),
            Some(v) => v.as_bool().ok_or_else(|| self.error(key, &format!("expected true or false, got {v}"))),
        }
    }

    pub fn list(&self, key: &str, default: &[usize]) -> Result<Vec<usize>> {
        match self.value(key) {
            None => Ok(default.to_vec()),
            Some(Value::Array(items)) => items.iter().map(|v| self.as_number(key, v)).collect(),
            Some(other) => Err(self.error(key, &format!("expected a list of numbers, got {other}"))),
        }
    }

    pub fn strings(&self, key: &str, default: &[&str]) -> Result<Vec<String>> {
        let words =
            |items: &Vec<Value>| items.iter().map(|v| v.as_str().map(str::to_string)).collect::<Option<Vec<_>>>();
        match self.value(key) {
            None => Ok(default.iter().map(|s| s.to_string()).collect()),
            Some(Value::Array(items)) if words(items).is_some() => Ok(words(items).unwrap_or_default()),
            Some(other) => Err(self.error(key, &format!("expected a list of block names, got {other}"))),
        }
    }

    /// One number for all levels, or a list with one each.
    pub fn per_level(&self, key: &str, default: usize, levels: usize) -> Result<Vec<usize>> {
        let list = match self.value(key) {
            Some(Value::Array(_)) => self.list(key, &[])?,
            _ => vec![self.number(key, default)?; levels],
        };
        if list.len() == levels { Ok(list) } else { Err(self.error(key, &format!("expected {levels} entries"))) }
    }

    /// The head *count* of each level. diffusers' UNets store it under `attention_head_dim`, a misnomer kept for compatibility.
    pub fn heads(&self, levels: usize) -> Result<Vec<usize>> {
        self.per_level("attention_head_dim", 8, levels)
    }

    pub fn flags(&self, key: &str, levels: usize) -> Result<Vec<bool>> {
        match self.value(key) {
            Some(Value::Array(items)) if items.len() == levels && items.iter().all(Value::is_boolean) => {
                Ok(items.iter().map(|v| v.as_bool() == Some(true)).collect())
            }
            Some(Value::Array(_)) => Err(self.error(key, &format!("expected {levels} booleans"))),
            _ => Ok(vec![self.flag(key, false)?; levels]),
        }
    }

    /// Transformer depth behind each residual block of each level: a number, a number a level, or a list a level.
    pub fn depths(&self, key: &str, levels: usize, layers: &[usize]) -> Result<Vec<Vec<usize>>> {
        let all = match self.value(key) {
            Some(Value::Array(items)) => items.clone(),
            Some(number) => vec![number.clone(); levels],
            None => vec![Value::from(1); levels],
        };
        if all.len() != levels {
            return Err(self.error(key, &format!("expected {levels} entries")));
        }
        let level_depths = |(entry, layers): (&Value, &usize)| match entry {
            Value::Array(items) if items.len() == *layers => items.iter().map(|v| self.as_number(key, v)).collect(),
            Value::Array(items) => Err(self.error(key, &format!("expected {layers} depths in {items:?}"))),
            number => Ok(vec![self.as_number(key, number)?; *layers]),
        };
        all.iter().zip(layers).map(level_depths).collect()
    }
}
