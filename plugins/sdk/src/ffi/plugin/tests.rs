//! Nodes that are called against the rules.

use super::super::abi::*;
use super::node::leak;
use crate::prelude::*;
use crate::{Inputs, Node, NodeDescriptor, NodeType, OutputPort};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A node that lets the host call it again while it runs.
struct Again {
    descriptor: NodeDescriptor,
}

impl NodeType for Again {
    fn descriptor(&self) -> &NodeDescriptor {
        &self.descriptor
    }

    fn create(&self) -> Box<dyn Node> {
        Box::new(Again { descriptor: NodeDescriptor::new("test.again", "Again") })
    }
}

impl Node for Again {
    fn run(&mut self, ctx: Ctx, _: &Inputs) -> Result<Vec<Value>> {
        // The host below calls the node here.
        Ok(vec![Value::Bool(ctx.is_cancelled())])
    }
}

/// What the host below calls.
static NODE: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
static TABLE: AtomicPtr<SsNodeType> = AtomicPtr::new(std::ptr::null_mut());

/// 1 if the node refuses to be called.
unsafe extern "C" fn call_again(ctx: *mut SsCtx) -> u8 {
    let mut out = SsValue::NULL;
    let (node, table) = (NODE.load(Ordering::Relaxed), TABLE.load(Ordering::Relaxed));
    // SAFETY: the table and the node are alive; there are no inputs, and one output.
    let status = unsafe { (*table).run.unwrap()(node, ctx, std::ptr::null(), 0, &mut out, 1) };
    u8::from(status == SS_STATUS_INTERNAL && out.tag == SS_NULL)
}

#[test]
fn a_node_is_called_by_its_rules_or_refuses() {
    let host =
        SsHost { struct_size: std::mem::offset_of!(SsHost, fail) as u32, cancelled: Some(call_again), ..no_host() };
    let mut ctx = SsCtx {
        struct_size: size_of::<SsCtx>() as u32,
        flags: 0,
        host: &host,
        host_data: std::ptr::null_mut(),
        node_id: SsStr::EMPTY,
        device: SsDLDevice { device_type: SS_DL_CPU, device_id: 0 },
        cu_context: std::ptr::null_mut(),
        cu_stream: std::ptr::null_mut(),
    };
    let descriptor = NodeDescriptor::new("test.again", "Again").output(OutputPort::new("refused", Type::BOOL));
    let table = leak(Arc::new(Again { descriptor }));
    // SAFETY: the table is one of this crate, and all that is lent to it lives until the end; so below.
    unsafe {
        let (create, run, destroy) = ((*table).create.unwrap(), (*table).run.unwrap(), (*table).destroy.unwrap());
        let mut node = std::ptr::null_mut();
        assert_eq!(create(table, std::ptr::null_mut(), &mut node), SS_STATUS_ABI);
        assert_eq!(create(std::ptr::null(), &mut ctx, &mut node), SS_STATUS_INTERNAL);
        assert_eq!(create(table, &mut ctx, std::ptr::null_mut()), SS_STATUS_INTERNAL);
        assert_eq!(create(table, &mut ctx, &mut node), SS_STATUS_OK);
        NODE.store(node, Ordering::Relaxed);
        TABLE.store(table.cast_mut(), Ordering::Relaxed);
        let mut out = SsValue::NULL;
        // Called while it runs, it refuses; and goes on as it was.
        for _ in 0..2 {
            assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, &mut out, 1), SS_STATUS_OK);
            assert_eq!((out.tag, out.v.i), (SS_BOOL, 1));
        }
        assert_eq!(run(std::ptr::null_mut(), &mut ctx, std::ptr::null(), 0, &mut out, 1), SS_STATUS_INTERNAL);
        assert_eq!(run(node, std::ptr::null_mut(), std::ptr::null(), 0, &mut out, 1), SS_STATUS_ABI);
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 1, &mut out, 1), SS_STATUS_INTERNAL);
        assert_eq!(run(node, &mut ctx, &out, 1, &mut SsValue::NULL.clone(), 1), SS_STATUS_INTERNAL);
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, std::ptr::null_mut(), 1), SS_STATUS_INTERNAL);
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, &mut out, 2), SS_STATUS_INTERNAL);
        // A context that is too short, and one without a host.
        ctx.struct_size = 8;
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, &mut out, 1), SS_STATUS_ABI);
        ctx.struct_size = size_of::<SsCtx>() as u32;
        ctx.host = std::ptr::null();
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, &mut out, 1), SS_STATUS_ABI);
        destroy(node);
        destroy(std::ptr::null_mut());
    }
}

/// A table without functions.
fn no_host() -> SsHost {
    SsHost {
        struct_size: 0,
        abi_major: SS_ABI_MAJOR,
        abi_minor: SS_ABI_MINOR,
        name: SsStr::EMPTY,
        log: None,
        progress: None,
        cancelled: None,
        fail: None,
        last_error: None,
        preview: None,
        path: None,
        model: None,
        reads: None,
        save: None,
        metadata: None,
        shared: None,
        tensor_new: None,
        tensor_finish: None,
        tensor_drop: None,
        tensor_import: None,
        string_new: None,
        bytes_new: None,
        list_new: None,
        struct_new: None,
        get_interface: None,
    }
}
