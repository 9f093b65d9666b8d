//! What is checked of a node's outputs after every call.

use selfsame_sdk::{Error, NodeDescriptor, Status, Value};

/// Whether there is a value for every output, of its type, or nothing.
pub(super) fn outputs(descriptor: &NodeDescriptor, values: &[Value]) -> Result<(), Error> {
    let wrong = |message: String| {
        Err(Error::with(Status::Internal, message)
            .hint("this is a mistake in the node; please report it to its author"))
    };
    if values.len() != descriptor.outputs.len() {
        return wrong(format!("the node gave {} outputs instead of {}", values.len(), descriptor.outputs.len()));
    }
    for (port, value) in descriptor.outputs.iter().zip(values) {
        let ty = value.ty();
        if !value.is_nothing() && !port.ty.accepts(&ty) {
            return wrong(format!("output `{}` should be {}, but is {value}", port.name, port.ty));
        }
    }
    Ok(())
}
