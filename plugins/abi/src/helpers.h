/* The one thing that a plugin defines for others to see. */
extern SS_EXPORT const SsEntry selfsame_plugin_entry;

/* Short ways for plugins in C. Nothing here is part of the boundary: it is compiled into the plugin. */

/* A text in static data: SsStr name = SS_LIT("Gain"); */
#define SS_LIT(text) {(text), sizeof(text) - 1}

/* Whether a table of the other side has a field: SS_HAS(ctx->host, SsHost, preview). */
#define SS_HAS(table, type, field)                                                                                     \
    ((table) && offsetof(type, field) + sizeof(((type *)0)->field) <= (table)->struct_size)

/* A text that ends with NUL as a SsStr. */
static inline SsStr ss_str(const char *text) {
    SsStr str = {text, 0};
    while (text && text[str.len]) str.len++;
    return str;
}

static inline bool ss_str_is(SsStr str, const char *text) {
    SsStr other = ss_str(text);
    if (str.len != other.len) return false;
    for (uint64_t i = 0; i < str.len; i++)
        if (str.ptr[i] != other.ptr[i]) return false;
    return true;
}

/* Why a node fails: `return ss_fail(ctx, SS_STATUS_INVALID_ARGUMENT, "expected a square picture", "image");` */
static inline SsStatus ss_fail(SsCtx *ctx, SsStatus status, const char *message, const char *port) {
    if (SS_HAS(ctx->host, SsHost, fail)) return ctx->host->fail(ctx, status, ss_str(message), ss_str(port), ss_str(0));
    return status == SS_STATUS_OK ? SS_STATUS_INTERNAL : status;
}

/* Ends a function of the plugin with SS_STATUS_UNSUPPORTED if the host is too old to know a function of its table:
   `SS_NEEDS(ctx, save);` before `ctx->host->save(...)`. */
#define SS_NEEDS(ctx, function)                                                                                        \
    do {                                                                                                               \
        if (!SS_HAS((ctx)->host, SsHost, function))                                                                    \
            return ss_fail((ctx), SS_STATUS_UNSUPPORTED, "this host is too old: it does not know `" #function "`", 0); \
    } while (0)

/* What a plugin in C asks most often, in hosts of any age: those that cannot be asked are not cancelled, and are told nothing. */
static inline bool ss_cancelled(SsCtx *ctx) {
    return SS_HAS(ctx->host, SsHost, cancelled) && ctx->host->cancelled(ctx);
}

static inline void ss_log(SsCtx *ctx, uint32_t level, const char *message) {
    if (SS_HAS(ctx->host, SsHost, log)) ctx->host->log(ctx, level, ss_str(message));
}

static inline void ss_progress(SsCtx *ctx, uint64_t done, uint64_t total, const char *label) {
    if (SS_HAS(ctx->host, SsHost, progress)) ctx->host->progress(ctx, done, total, ss_str(label));
}

/* A tensor of the host's memory, f32, for the plugin to fill, and the value that is made of it. */
static inline SsStatus ss_tensor_new(SsCtx *ctx, const int64_t *shape, int32_t ndim, SsDLTensor *out, SsTensorBuilder **builder) {
    const SsDLDataType f32 = {SS_DL_FLOAT, 32, 1};
    const SsDLDevice cpu = {SS_DL_CPU, 0};
    SS_NEEDS(ctx, tensor_new);
    return ctx->host->tensor_new(ctx, f32, shape, ndim, cpu, out, builder);
}

static inline SsStatus ss_tensor_finish(SsCtx *ctx, SsTensorBuilder *builder, const char *type_name, SsValue *out) {
    SS_NEEDS(ctx, tensor_finish);
    return ctx->host->tensor_finish(ctx, builder, ss_str(type_name), out);
}

/* Values of a number, a truth value and nothing. */
static inline SsValue ss_null(void) {
    SsValue value;
    value.tag = SS_NULL, value.zero = 0, value.v.bits = 0;
    return value;
}

static inline SsValue ss_bool(bool truth) {
    SsValue value = ss_null();
    value.tag = SS_BOOL, value.v.i = truth;
    return value;
}

static inline SsValue ss_int(int64_t number) {
    SsValue value = ss_null();
    value.tag = SS_INT, value.v.i = number;
    return value;
}

static inline SsValue ss_float(double number) {
    SsValue value = ss_null();
    value.tag = SS_FLOAT, value.v.f = number;
    return value;
}

/* Holds a value beyond the call, or gives it up. Does nothing for values that are no objects. */
static inline void ss_retain(SsValue value) {
    if (value.tag == SS_OBJ) value.v.o->vt->retain(value.v.o);
}

static inline void ss_release(SsValue value) {
    if (value.tag == SS_OBJ) value.v.o->vt->release(value.v.o);
}

/* The interface of this name that a value has, or null: `const SsList *list = ss_interface(value, SS_LIST);` */
static inline const void *ss_interface(SsValue value, const char *id) {
    return value.tag == SS_OBJ ? value.v.o->vt->get_interface(value.v.o, ss_str(id)) : 0;
}

/* The text of a STRING, valid as long as the value; empty for any other. */
static inline SsStr ss_text(SsValue value) {
    const SsString *string = (const SsString *)ss_interface(value, SS_STRING);
    return SS_HAS(string, SsString, view) ? string->view(value.v.o) : ss_str(0);
}

/* Describes the numbers of a TENSOR, IMAGE or MASK. Values of the host are f32, row-major without gaps; others need not be. */
static inline SsStatus ss_view(SsValue value, SsDLTensor *out) {
    const SsTensor *tensor = (const SsTensor *)ss_interface(value, SS_TENSOR);
    return SS_HAS(tensor, SsTensor, describe) ? tensor->describe(value.v.o, out) : SS_STATUS_INVALID_ARGUMENT;
}

/* How many numbers a tensor has. */
static inline int64_t ss_count(const SsDLTensor *tensor) {
    int64_t count = 1;
    for (int32_t i = 0; i < tensor->ndim; i++) count *= tensor->shape[i];
    return count;
}

/* The numbers of a tensor that is f32, in main memory, row-major without gaps; null for any other. */
static inline float *ss_f32(const SsDLTensor *tensor) {
    int64_t stride = 1;
    if (tensor->dtype.code != SS_DL_FLOAT || tensor->dtype.bits != 32 || tensor->dtype.lanes != 1) return 0;
    if (tensor->device.device_type != SS_DL_CPU && tensor->device.device_type != SS_DL_CUDA_HOST) return 0;
    for (int32_t i = tensor->ndim - 1; tensor->strides && i >= 0; i--) {
        if (tensor->shape[i] != 1 && tensor->strides[i] != stride) return 0;
        stride *= tensor->shape[i];
    }
    return (float *)((char *)tensor->data + tensor->byte_offset);
}
