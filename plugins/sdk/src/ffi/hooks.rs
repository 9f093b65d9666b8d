//! Hooks of patches as tables of the boundary, and back.

use super::abi::*;
use super::export::{Exported, export};
use super::import::import;
use super::text::{slice, text};
use crate::{Error, Hook, Mask, MaskResize, Result, Row, Site, Status, Value};

/// Hooks for the other side; what they point at lives as long as this.
pub(super) struct HookTables {
    tables: Box<[*const SsHook]>,
    _owners: Box<[OwnHook]>,
}

// SAFETY: it is read only, and the pointers lead into what it owns.
unsafe impl Send for HookTables {}
// SAFETY: as above.
unsafe impl Sync for HookTables {}

struct OwnHook {
    table: SsHook,
    places: String,
    weights: Vec<f64>,
    mask: Option<Exported>,
}

impl HookTables {
    pub fn new(hooks: &[Hook]) -> Self {
        // They stay where they are from now on.
        let owners: Box<[OwnHook]> = hooks.iter().map(own).collect();
        let tables = owners.iter().map(|owner| &raw const owner.table).collect();
        HookTables { tables, _owners: owners }
    }

    pub fn as_slice(&self) -> &[*const SsHook] {
        &self.tables
    }
}

fn own(hook: &Hook) -> OwnHook {
    let mut own = OwnHook {
        table: SsHook {
            struct_size: size_of::<SsHook>() as u32,
            site: site_number(hook.site),
            priority: hook.priority,
            resize: match hook.resize {
                MaskResize::Bilinear => SS_RESIZE_BILINEAR,
                MaskResize::Nearest => SS_RESIZE_NEAREST,
            },
            places: SsStr::EMPTY,
            start: hook.start,
            end: hook.end,
            weights: std::ptr::null(),
            n_weights: hook.weights.len() as u64,
            mask: SsValue::NULL,
        },
        places: hook.places.clone(),
        weights: hook.weights.clone(),
        mask: hook.mask.clone().map(|mask| export(&Value::object(mask))),
    };
    // What they point at does not move with it.
    own.table.places = SsStr::new(&own.places);
    own.table.weights = own.weights.as_ptr();
    if let Some(mask) = &own.mask {
        own.table.mask = mask.as_raw();
    }
    own
}

/// A hook of the other side.
///
/// # Errors
/// If its table is cut short, or says what this side does not know.
///
/// # Safety
/// The pointer is null or that of a hook, which stays as it is during the call.
pub(super) unsafe fn read(hook: *const SsHook) -> Result<Hook> {
    macro_rules! field {
        ($field:ident) => {
            super::abi::field!(hook, SsHook, $field)
                .ok_or_else(|| Error::new(concat!("a hook ends before `", stringify!($field), "`")))?
        };
    }
    // SAFETY: the caller promises it.
    unsafe {
        Ok(Hook {
            site: site(field!(site))?,
            places: text(field!(places))?.to_owned(),
            priority: field!(priority),
            start: field!(start),
            end: field!(end),
            weights: slice(field!(weights), field!(n_weights))?.to_vec(),
            mask: match import(field!(mask))? {
                None => None,
                Some(value) => match value.downcast::<Mask>() {
                    Some(mask) => Some(Mask::clone(&mask)),
                    None => return Err(Error::new(format!("the mask of a hook is {value}; expected a MASK"))),
                },
            },
            resize: match field!(resize) {
                SS_RESIZE_BILINEAR => MaskResize::Bilinear,
                SS_RESIZE_NEAREST => MaskResize::Nearest,
                other => return Err(unknown("a way of resizing masks", other)),
            },
        })
    }
}

pub(super) fn site_number(site: Site) -> u32 {
    match site {
        Site::AttentionAdd => SS_SITE_ATTN2_ADD,
        Site::Input => SS_SITE_INPUT,
        Site::Middle => SS_SITE_MIDDLE,
        Site::Output => SS_SITE_OUTPUT,
        Site::Query => SS_SITE_QUERY,
        Site::Key => SS_SITE_KEY,
        Site::Value => SS_SITE_VALUE,
        Site::Attention => SS_SITE_ATTENTION,
    }
}

pub(super) fn site(number: u32) -> Result<Site> {
    match number {
        SS_SITE_ATTN2_ADD => Ok(Site::AttentionAdd),
        SS_SITE_INPUT => Ok(Site::Input),
        SS_SITE_MIDDLE => Ok(Site::Middle),
        SS_SITE_OUTPUT => Ok(Site::Output),
        SS_SITE_QUERY => Ok(Site::Query),
        SS_SITE_KEY => Ok(Site::Key),
        SS_SITE_VALUE => Ok(Site::Value),
        SS_SITE_ATTENTION => Ok(Site::Attention),
        other => Err(unknown("a site of hooks", other)),
    }
}

fn unknown(what: &str, number: u32) -> Error {
    Error::with(Status::Unsupported, format!("{what} with the number {number}, which is not known here"))
}

pub(super) fn row_table(row: &Row) -> SsRow {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    SsRow {
        condition: number(row.condition),
        picture: number(row.picture),
        is_negative: u32::from(row.is_negative),
        zero: 0,
    }
}

pub(super) fn row(table: &SsRow) -> Row {
    Row { condition: table.condition as usize, picture: table.picture as usize, is_negative: table.is_negative != 0 }
}
