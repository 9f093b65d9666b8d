//! Reading tables that may be older, and therefore shorter, than this version of them.

/// Reads a field of a table behind a pointer: `field!(table, SsHost, log)` is `None` if the table is null, lies where no
/// table can, or ends before the field, and `Some` of the field otherwise.
///
/// It has to stand in an `unsafe` block: the pointer must be null or point at a table that starts with its true
/// `struct_size`.
#[macro_export]
macro_rules! field {
    ($table:expr, $type:ty, $field:ident) => {{
        let table: *const $type = $table;
        let end = ::core::mem::offset_of!($type, $field) + $crate::size_of_field(|table: &$type| &table.$field);
        if table.is_null() || !table.is_aligned() || ((*table).struct_size as usize) < end {
            None
        } else {
            Some((&raw const (*table).$field).read())
        }
    }};
}

/// The size of what a function gives a reference to.
#[doc(hidden)]
pub const fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}
