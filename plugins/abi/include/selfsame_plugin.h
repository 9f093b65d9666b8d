/* The C boundary between Selfsame and its plugins. Generated from plugins/abi/src; do not edit.
 *
 * plugins/README.md has a node in ten minutes, examples/c_plugin one to copy. */

#ifndef SELFSAME_PLUGIN_H
#define SELFSAME_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes a name visible outside of the library. */
#ifdef _WIN32
#define SS_EXPORT __declspec(dllexport)
#else
#define SS_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct SsStr SsStr;
typedef struct SsStrs SsStrs;
typedef struct SsBytes SsBytes;
typedef union SsPayload SsPayload;
typedef struct SsValue SsValue;
typedef struct SsObj SsObj;
typedef struct SsObjVt SsObjVt;
typedef struct SsSink SsSink;
typedef struct SsObjectInfo SsObjectInfo;
typedef struct SsString SsString;
typedef struct SsBlob SsBlob;
typedef struct SsList SsList;
typedef struct SsStruct SsStruct;
typedef struct SsDLDevice SsDLDevice;
typedef struct SsDLDataType SsDLDataType;
typedef struct SsDLTensor SsDLTensor;
typedef struct SsDLPackVersion SsDLPackVersion;
typedef struct SsDLManagedTensor SsDLManagedTensor;
typedef struct SsTensor SsTensor;
typedef struct SsImage SsImage;
typedef struct SsCtx SsCtx;
typedef struct SsTensorBuilder SsTensorBuilder;
typedef struct SsHost SsHost;
typedef struct SsDenoiserInfo SsDenoiserInfo;
typedef struct SsDenoiser SsDenoiser;
typedef struct SsSampling SsSampling;
typedef struct SsSampler SsSampler;
typedef struct SsHook SsHook;
typedef struct SsRow SsRow;
typedef struct SsHookCall SsHookCall;
typedef struct SsModelPatch SsModelPatch;
typedef struct SsModel SsModel;
typedef struct SsMath SsMath;
typedef struct SsWeights SsWeights;
typedef struct SsNodeFactory SsNodeFactory;
typedef struct SsNodeType SsNodeType;
typedef struct SsNodeDescriptor SsNodeDescriptor;
typedef struct SsInputPort SsInputPort;
typedef struct SsOutputPort SsOutputPort;
typedef struct SsRange SsRange;
typedef struct SsLiteral SsLiteral;
typedef struct SsEntry SsEntry;
typedef struct SsPluginInfo SsPluginInfo;

/* UTF-8 text: a pointer and a length in bytes, without a final NUL. An empty text may have a null pointer. */
struct SsStr {
    /* The first byte. */
    const char *ptr;

    /* How many bytes there are. */
    uint64_t len;
};

/* Several texts. */
struct SsStrs {
    /* The first one; may be null if there are none. */
    const SsStr *ptr;

    /* How many there are. */
    uint64_t len;
};

/* Bytes of any kind. */
struct SsBytes {
    /* The first byte; may be null if there are none. */
    const uint8_t *ptr;

    /* How many there are. */
    uint64_t len;
};

/* How a call went: one of the `SS_STATUS_*` numbers. Every other number means the same as SS_STATUS_INTERNAL. */
typedef int32_t SsStatus;

/* All is well. */
#define SS_STATUS_OK 0

/* The run was cancelled. */
#define SS_STATUS_CANCELLED 1

/* A value that the callee cannot work with. */
#define SS_STATUS_INVALID_ARGUMENT 2

/* The callee cannot do this at all. */
#define SS_STATUS_UNSUPPORTED 3

/* A file, model or name that is not there. */
#define SS_STATUS_NOT_FOUND 4

/* Memory ran out. The host may free some and call once more. */
#define SS_STATUS_OUT_OF_MEMORY 5

/* Anything else. */
#define SS_STATUS_INTERNAL 6

/* The callee panicked, or caught an exception that it did not expect. What it was called on is broken: the host destroys
 * the node and makes another. */
#define SS_STATUS_PANIC 7

/* The caller broke a rule of this boundary. */
#define SS_STATUS_ABI 8

/* Not a failure: a node wants a lazy input, which it names as the port of its `fail`. The host computes it and calls the
 * node again. */
#define SS_STATUS_NEEDS_INPUT 9

/* Nothing. An input that is not set has `v.bits` 0, a lazy input that is not computed yet SS_PENDING. */
#define SS_NULL 0

/* `v.i` is 0 or 1. */
#define SS_BOOL 1

/* `v.i`; a seed is the i64 of the same bits. */
#define SS_INT 2

/* `v.f`, finite. */
#define SS_FLOAT 3

/* `v.o`, never null: STRING, LIST, IMAGE and everything else. */
#define SS_OBJ 16

/* The bits of a SS_NULL for a lazy input that is not computed yet: a node that wants it returns SS_STATUS_NEEDS_INPUT. */
#define SS_PENDING UINT64_C(1)

/* What is in a SsValue. */
union SsPayload {
    /* Of SS_BOOL and SS_INT. */
    int64_t i;

    /* Of SS_FLOAT. */
    double f;

    /* Of SS_OBJ. */
    SsObj *o;

    /* Of SS_NULL, and of all others as bits. */
    uint64_t bits;
};

/* A value of 16 bytes. There will be no other tags than these: SS_NULL, SS_BOOL, SS_INT, SS_FLOAT, SS_OBJ. */
struct SsValue {
    /* What it is. */
    uint32_t tag;

    /* 0. */
    uint32_t zero;

    /* The value. */
    SsPayload v;
};

/* A counted object. It never changes once another can see it, and all that it offers may be called from any thread.
 * Its maker lays out what comes after this. */
struct SsObj {
    /* What it can do; never null. */
    const SsObjVt *vt;
};

/* What every object can do. */
struct SsObjVt {
    /* sizeof(SsObjVt). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* Counts one holder more. */
    void (*retain)(SsObj *o);

    /* Counts one holder less; the last one frees it. */
    void (*release)(SsObj *o);

    /* The name of its type: `STRING`, `LIST`, `IMAGE`, or one of its maker's such as `com.acme.FACE_MESH/1`. Valid as long
     * as the object. */
    SsStr (*type_name)(SsObj *o);

    /* The interface of this name, or null. Valid as long as the object. */
    const void *(*get_interface)(SsObj *o, SsStr id);
};

/* Where bytes are written to. */
struct SsSink {
    /* Handed to `write`. */
    void *user;

    /* Takes some bytes. A status other than OK is handed on to whoever gave the sink. */
    SsStatus (*write)(void *user, SsBytes bytes);
};

/* What any object may tell of itself: a SsObjectInfo. */
#define SS_OBJECT_INFO "selfsame.object_info/1"

/* What any object may tell of itself. */
struct SsObjectInfo {
    /* sizeof(SsObjectInfo). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* How many bytes of memory it holds. An object that does not tell counts as nothing. */
    uint64_t (*bytes)(SsObj *o);

    /* Writes what it is in a few words, for messages: `f32 [1,512,512,3]`. */
    SsStatus (*summary)(SsObj *o, const SsSink *sink);
};

/* Text, of type STRING: a SsString. */
#define SS_STRING "selfsame.string/1"

/* Text. */
struct SsString {
    /* sizeof(SsString). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* The text; valid as long as the object. */
    SsStr (*view)(SsObj *o);
};

/* Bytes, of any type: a SsBlob. */
#define SS_BYTES "selfsame.bytes/1"

/* Bytes. */
struct SsBlob {
    /* sizeof(SsBlob). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* The bytes; valid as long as the object. */
    SsBytes (*view)(SsObj *o);
};

/* Several values, of type LIST: a SsList. */
#define SS_LIST "selfsame.list/1"

/* Several values. */
struct SsList {
    /* sizeof(SsList). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* How many there are. */
    uint64_t (*len)(SsObj *o);

    /* Gives a value; the caller releases it. SS_STATUS_NOT_FOUND beyond the end. */
    SsStatus (*get)(SsObj *o, uint64_t index, SsValue *out);
};

/* Values with names, of any type: a SsStruct. LATENT has `samples`, a TENSOR f32 [B,C,H/8,W/8], and `noise_mask`, a MASK or
 * SS_NULL. ID has `tokens` and `negative_tokens`, TENSORs f32 [1 or B,T,D]. */
#define SS_STRUCT "selfsame.struct/1"

/* Values with names. */
struct SsStruct {
    /* sizeof(SsStruct). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* How many there are. */
    uint64_t (*len)(SsObj *o);

    /* The name of a value, valid as long as the object; empty beyond the end. */
    SsStr (*name)(SsObj *o, uint64_t index);

    /* Gives the value of a name; the caller releases it. SS_STATUS_NOT_FOUND if there is none. */
    SsStatus (*get)(SsObj *o, SsStr name, SsValue *out);
};

/* Main memory (kDLCPU). */
#define SS_DL_CPU 1

/* Memory of an NVIDIA GPU (kDLCUDA). */
#define SS_DL_CUDA 2

/* Main memory that a GPU can read (kDLCUDAHost). */
#define SS_DL_CUDA_HOST 3

/* Signed integers (kDLInt). */
#define SS_DL_INT 0

/* Unsigned integers (kDLUInt). */
#define SS_DL_UINT 1

/* IEEE numbers (kDLFloat). */
#define SS_DL_FLOAT 2

/* bfloat16 (kDLBfloat). */
#define SS_DL_BFLOAT 4

/* Nobody may write (DLPACK_FLAG_BITMASK_READ_ONLY). */
#define SS_DL_READ_ONLY UINT64_C(1)

/* It was copied for the receiver (DLPACK_FLAG_BITMASK_IS_COPIED). */
#define SS_DL_IS_COPIED UINT64_C(2)

/* The most dimensions of a tensor. */
#define SS_MAX_DIMS 8

/* DLDevice. */
struct SsDLDevice {
    /* SS_DL_CPU, SS_DL_CUDA, ... */
    int32_t device_type;

    /* Which one. */
    int32_t device_id;
};

/* DLDataType. */
struct SsDLDataType {
    /* SS_DL_FLOAT, ... */
    uint8_t code;

    /* Bits of a number. */
    uint8_t bits;

    /* 1. */
    uint16_t lanes;
};

/* DLTensor: a view of numbers in memory. */
struct SsDLTensor {
    /* Where the memory starts. */
    void *data;

    /* The device of the memory. */
    SsDLDevice device;

    /* How many dimensions there are, at most SS_MAX_DIMS. */
    int32_t ndim;

    /* The type of the numbers. */
    SsDLDataType dtype;

    /* The dimensions. */
    int64_t *shape;

    /* How many numbers to go on for the next one in each dimension; null for row-major order without gaps. */
    int64_t *strides;

    /* How many bytes after `data` the first number is. */
    uint64_t byte_offset;
};

/* DLPackVersion. */
struct SsDLPackVersion {
    /* 1. */
    uint32_t major;

    /* At least 0. */
    uint32_t minor;
};

/* DLManagedTensorVersioned: a tensor that its receiver gives up by calling `deleter`, once. If the major is another than
 * 1, that is all that a receiver may do. */
struct SsDLManagedTensor {
    /* Of DLPack. */
    SsDLPackVersion version;

    /* The maker's. */
    void *manager_ctx;

    /* Gives it up; may be null if there is nothing to do. */
    void (*deleter)(SsDLManagedTensor *tensor);

    /* SS_DL_READ_ONLY, ... */
    uint64_t flags;

    /* The tensor. */
    SsDLTensor dl_tensor;
};

/* Numbers, of types TENSOR, IMAGE, MASK and any other: a SsTensor.
 *
 * IMAGE is f32 `[B,H,W,C]`, 0..1, sRGB, C of 1 (gray), 3 (RGB) or 4 (RGB and alpha, not premultiplied). MASK is f32 `[B,H,W]`, 0..1.
 * Strides are free. */
#define SS_TENSOR "selfsame.tensor/1"

/* Numbers. Nobody may write to them: values are shared. */
struct SsTensor {
    /* sizeof(SsTensor). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* Describes it; the description and the memory are valid as long as the object. On a device the numbers are there in
     * the order of the run's stream, see SsCtx. */
    SsStatus (*describe)(SsObj *o, SsDLTensor *out);

    /* The same for other libraries that take DLPack, with SS_DL_READ_ONLY. It holds the object until it is deleted. */
    SsStatus (*export_dlpack)(SsObj *o, SsDLManagedTensor **out);
};

/* sRGB, as pictures are stored and shown. */
#define SS_COLOR_SRGB 0

/* Linear light with the primaries of sRGB. */
#define SS_COLOR_LINEAR 1

/* Alpha is not multiplied into the colours. */
#define SS_ALPHA_STRAIGHT 0

/* Alpha is multiplied into the colours. */
#define SS_ALPHA_PREMULTIPLIED 1

/* How the numbers of an IMAGE are meant: a SsImage. An IMAGE without it is sRGB with straight alpha, and so are all that
 * the host makes. */
#define SS_IMAGE "selfsame.image/1"

/* How the numbers of an IMAGE are meant. */
struct SsImage {
    /* sizeof(SsImage). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* SS_COLOR_SRGB or SS_COLOR_LINEAR. */
    uint32_t (*color_space)(SsObj *o);

    /* SS_ALPHA_STRAIGHT or SS_ALPHA_PREMULTIPLIED. */
    uint32_t (*alpha)(SsObj *o);
};

/* For whoever looks for a mistake. */
#define SS_LOG_DEBUG 0

/* For whoever watches. */
#define SS_LOG_INFO 1

/* Something is probably not as meant, though the node goes on. */
#define SS_LOG_WARN 2

/* A node's way to the host. It is valid only during the call that it is an argument of; afterwards every function says
 * SS_STATUS_ABI. */
struct SsCtx {
    /* sizeof(SsCtx). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* What it may ask; never null. */
    const SsHost *host;

    /* The host's. */
    void *host_data;

    /* The id of the node in the graph. */
    SsStr node_id;

    /* Where tensors are taken and given: SS_DL_CPU, or the device of the run for a node that says SS_NODE_CUDA. Hosts of this
     * version always say SS_DL_CPU. */
    SsDLDevice device;

    /* On CUDA: the CUcontext, current in the calling thread. */
    void *cu_context;

    /* On CUDA: the CUstream of the run, never the default one. When a call begins, all inputs are there in its order; when
     * it ends, everything must be queued on it that writes to outputs. Nobody waits for the whole device. */
    void *cu_stream;
};

/* Makes a shared resource: gives it, and the bytes of memory that it takes. */
typedef SsStatus (*SsMakeShared)(void *user, SsValue *out, uint64_t *bytes);

/* Writes the contents of a file. */
typedef SsStatus (*SsWriteFile)(void *user, const SsSink *file);

/* What a plugin may ask of the host. Functions with a `ctx` may be called from any thread while the call lasts, those
 * without at any time. */
struct SsHost {
    /* sizeof(SsHost) of the host. */
    uint32_t struct_size;

    /* SS_ABI_MAJOR of the host. */
    uint16_t abi_major;

    /* SS_ABI_MINOR of the host. */
    uint16_t abi_minor;

    /* Name and version of the host. */
    SsStr name;

    /* Tells whoever watches; `level` is SS_LOG_*. */
    void (*log)(SsCtx *ctx, uint32_t level, SsStr message);

    /* Tells how far the node is: `done` of `total` units, such as steps. It may go backwards. */
    void (*progress)(SsCtx *ctx, uint64_t done, uint64_t total, SsStr label);

    /* 1 once the run was cancelled. A node that works longer than an instant looks now and then, and returns
     * SS_STATUS_CANCELLED. */
    uint8_t (*cancelled)(SsCtx *ctx);

    /* Says why the call fails: what went wrong, the input that is to blame (or empty), and what to do about it (or empty).
     * Gives `status` back, so that a function can end with `return ctx->host->fail(...)`. */
    SsStatus (*fail)(SsCtx *ctx, SsStatus status, SsStr message, SsStr port, SsStr hint);

    /* Why the last function of this call that failed did: a STRING, and what to do about it, a STRING or SS_NULL. Both may be
     * null pointers. */
    void (*last_error)(SsCtx *ctx, SsValue *message, SsValue *hint);

    /* Shows an IMAGE of what is being made. */
    SsStatus (*preview)(SsCtx *ctx, SsValue image);

    /* A path as the graph means it: relative ones start at the folder of the graph file. Gives a STRING. */
    SsStatus (*path)(SsCtx *ctx, SsStr path, SsValue *out);

    /* The path of the model of this name in the folders for a kind (`checkpoints`, `loras`, ...). Gives a STRING. */
    SsStatus (*model)(SsCtx *ctx, SsStr kind, SsStr name, SsValue *out);

    /* Says that the result depends on what is in a file, so that it is made again when the file changes. Every file that a
     * node reads must be told. Gives the digest of the contents, a STRING; `out` may be null. */
    SsStatus (*reads)(SsCtx *ctx, SsStr path, SsValue *out);

    /* Saves a file in the output folder as `name_0001.extension`, with the next free number. Gives its path, a STRING;
     * `out` may be null. */
    SsStatus (*save)(SsCtx *ctx, SsStr name, SsStr extension, SsWriteFile write, void *user, SsValue *out);

    /* What a saved file should carry: a LIST of LISTs of two STRINGs, keyword and text. */
    SsStatus (*metadata)(SsCtx *ctx, SsValue *out);

    /* A resource that every node of this plugin with the same key shares, such as the weights of a model file: made once,
     * kept while the memory budget allows, made again when it was given up. The key must name everything that it depends
     * on: take digests of files from `reads`. */
    SsStatus (*shared)(SsCtx *ctx, SsStr key, SsMakeShared make, void *user, SsValue *out);

    /* A tensor of the host's memory, zeroed, for the plugin to fill: nothing is copied when it is finished. `shape` has
     * `ndim` dimensions; `out` describes the memory, row-major. What is not finished when the call ends is freed. */
    SsStatus (*tensor_new)(SsCtx *ctx, SsDLDataType dtype, const int64_t *shape, int32_t ndim, SsDLDevice device, SsDLTensor *out, SsTensorBuilder **builder);

    /* Makes a value of a filled tensor, of type TENSOR, IMAGE or MASK; nobody writes to it from now on. */
    SsStatus (*tensor_finish)(SsCtx *ctx, SsTensorBuilder *builder, SsStr type_name, SsValue *out);

    /* Frees a tensor that was not finished. */
    SsStatus (*tensor_drop)(SsCtx *ctx, SsTensorBuilder *builder);

    /* Makes a value, of type TENSOR, IMAGE or MASK, of memory of the plugin. The host takes the tensor over in any case,
     * and calls its deleter once, from any thread. Nothing is copied if it is f32, in main memory, row-major without gaps. */
    SsStatus (*tensor_import)(SsCtx *ctx, SsDLManagedTensor *tensor, SsStr type_name, SsValue *out);

    /* A STRING with a copy of a text. */
    SsStatus (*string_new)(SsStr text, SsValue *out);

    /* Bytes of a type of the plugin's, copied. */
    SsStatus (*bytes_new)(SsStr type_name, SsBytes bytes, SsValue *out);

    /* A LIST of values, which are retained. */
    SsStatus (*list_new)(const SsValue *values, uint64_t n, SsValue *out);

    /* A struct of a type, LATENT or one of the plugin's, with names and as many values, which are retained. */
    SsStatus (*struct_new)(SsStr type_name, SsStrs names, const SsValue *values, SsValue *out);

    /* The interface of this name, or null: everything that comes later. */
    const void *(*get_interface)(SsStr id);
};

/* The function D(x, sigma) that a sampler calls, of type DENOISER: a SsDenoiser. */
#define SS_DENOISER "selfsame.denoiser/1"

/* The network gives the noise. */
#define SS_PREDICTION_EPSILON 0

/* The network gives a velocity. */
#define SS_PREDICTION_V 1

/* The network gives the clean latents. */
#define SS_PREDICTION_SAMPLE 2

/* The network gives the noise, inside the boundary scaling of a latent consistency model. */
#define SS_PREDICTION_LCM 3

/* What a denoiser is. */
struct SsDenoiserInfo {
    /* sizeof(SsDenoiserInfo), set by the caller. */
    uint32_t struct_size;

    /* SS_PREDICTION_*: what the network inside was trained to give. `predict` gives clean latents in any case. */
    uint32_t prediction;

    /* Channels of the latents. */
    uint32_t channels;

    /* 0. */
    uint32_t reserved;

    /* Where `predict` takes and gives tensors, wherever the network is computed. */
    SsDLDevice device;

    /* The type of their numbers. */
    SsDLDataType dtype;

    /* The lowest noise level that the network was trained with. */
    double sigma_min;

    /* The highest one. */
    double sigma_max;

    /* All of them, rising; valid as long as the denoiser. */
    const double *sigmas;

    /* How many there are. */
    uint64_t n_sigmas;
};

/* The function D(x, sigma). Guidance, conditions, ControlNets, adapters, patches and what an inpainting keeps are inside. */
struct SsDenoiser {
    /* sizeof(SsDenoiser). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* Says what it is. As many fields are written as `out->struct_size` has room for. */
    SsStatus (*info)(SsObj *o, SsDenoiserInfo *out);

    /* Gives the estimate of the clean latents in `x` = clean + `sigma` * noise, a TENSOR [B,C,H/8,W/8], in the same shape. If
     * `uncond` is not null, it gets the estimate without the positive conditions that the former was guided away from.
     * SS_STATUS_CANCELLED once the run is cancelled: hand it on. */
    SsStatus (*predict)(SsObj *o, SsCtx *ctx, SsValue x, double sigma, SsValue *out, SsValue *uncond);
};

/* A stepping rule, of type SAMPLER: a SsSampler. */
#define SS_SAMPLER "selfsame.sampler/1"

/* One sampling. */
struct SsSampling {
    /* sizeof(SsSampling). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* An object with SS_DENOISER. */
    SsObj *denoiser;

    /* Where it starts: a TENSOR [B,C,H/8,W/8] at the first noise level. */
    SsValue x;

    /* The noise levels to walk along, at least two, falling; the last one is 0 unless noise shall be left. */
    const double *sigmas;

    /* How many there are. */
    uint64_t n_sigmas;

    /* For a rule that adds noise. */
    uint64_t seed;
};

/* A stepping rule. */
struct SsSampler {
    /* sizeof(SsSampler). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* Walks to the last noise level: gives a TENSOR of the shape of `x`. It tells progress by itself. */
    SsStatus (*sample)(SsObj *o, SsCtx *ctx, const SsSampling *sampling, SsValue *out);
};

/* What steers a network from inside, of type MODEL_PATCH: a SsModelPatch. */
#define SS_MODEL_PATCH "selfsame.model_patch/1"

/* Keys and values beside those of the text in a cross-attention layer, with a softmax of their own (IP-Adapter,
 * InstantID). No inputs; outputs K and V, each f32 [rows, tokens, hidden]. Asked once for each layer and batch of a
 * sampling, not in every step. Places are called by the path of the layer:
 * `down_blocks.1.attentions.0.transformer_blocks.0.attn2`. */
#define SS_SITE_ATTN2_ADD 1

/* The tensors that the way down hands to the way up. Input and output f32 [rows, channels, h, w]; the output is added.
 * Places are called `input_blocks.0`, `input_blocks.1`, ... */
#define SS_SITE_INPUT 2

/* What the middle block gives, as above. Its place is called `middle_block`. */
#define SS_SITE_MIDDLE 3

/* What enters a layer of the way up beside the tensor of the way down, as above. Places are called `output_blocks.0`,
 * `output_blocks.1`, ... */
#define SS_SITE_OUTPUT 4

/* The queries of an attention layer. Input and output f32 [rows, tokens, hidden]; the output is added, in every step. Places are
 * called by the path of the layer: `attn1` at its end is attention of the picture to itself, `attn2` to the text. */
#define SS_SITE_QUERY 5

/* The keys of an attention layer, as above. */
#define SS_SITE_KEY 6

/* The values of an attention layer, as above. */
#define SS_SITE_VALUE 7

/* What an attention layer gives before its output projection, with what adapters add, as above. */
#define SS_SITE_ATTENTION 8

/* A mask is resized to a layer linearly between the middles of pixels. */
#define SS_RESIZE_BILINEAR 0

/* A mask is resized to a layer by the nearest pixel. */
#define SS_RESIZE_NEAREST 1

/* A place, or several, where a patch works. */
struct SsHook {
    /* sizeof(SsHook). */
    uint32_t struct_size;

    /* SS_SITE_*. */
    uint32_t site;

    /* Hooks of one place run from low to high; equal ones in the order of the graph. */
    int32_t priority;

    /* SS_RESIZE_*. */
    uint32_t resize;

    /* The names of the places; `*` stands for any letters. */
    SsStr places;

    /* Where it begins to work, as a fraction 0..1 of the sampling. */
    double start;

    /* Where it stops. */
    double end;

    /* For SS_SITE_ATTN2_ADD: a factor on what it adds, or one for each layer in the order down, up, middle; 1 if there is
     * none. Layers of 0 are not asked. */
    const double *weights;

    /* How many there are. */
    uint64_t n_weights;

    /* For SS_SITE_ATTN2_ADD: a MASK of where in the picture it works, or SS_NULL. */
    SsValue mask;
};

/* What a row of a batch belongs to: conditions may be evaluated together or one by one. */
struct SsRow {
    /* The number of the condition, positive ones first. */
    uint32_t condition;

    /* The number of the picture among those that are sampled together. */
    uint32_t picture;

    /* 1 for a negative condition. */
    uint32_t is_negative;

    /* 0. */
    uint32_t zero;
};

/* One question to a patch. */
struct SsHookCall {
    /* sizeof(SsHookCall). */
    uint32_t struct_size;

    /* The number of the hook among those of the patch. */
    uint32_t hook;

    /* Its SS_SITE_*. */
    uint32_t site;

    /* The number of the block, or of the cross-attention layer (down, up, middle) in the same transformer block. */
    uint32_t layer;

    /* The name of the place. */
    SsStr place;

    /* Heads of the attention layer; 0 at blocks. */
    uint32_t heads;

    /* Width of its queries, keys and values; 0 at blocks. */
    uint32_t hidden;

    /* Width of the tokens of text that the cross-attention layer reads; 0 at blocks. */
    uint32_t context;

    /* Rows of the latents. */
    uint32_t latent_height;

    /* Columns of the latents. */
    uint32_t latent_width;

    /* 0. */
    uint32_t reserved;

    /* The noise level; 0 where the answer serves all steps. */
    double sigma;

    /* What the rows of the batch belong to. */
    const SsRow *rows;

    /* How many there are. */
    uint64_t n_rows;

    /* The inputs of the site, TENSORs. */
    const SsValue *inputs;

    /* How many there are. */
    uint64_t n_inputs;
};

/* What steers a network from inside. The weights of the network are never changed. */
struct SsModelPatch {
    /* sizeof(SsModelPatch). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* Gives where it works, always the same; valid as long as the object. */
    SsStatus (*hooks)(SsObj *o, const SsHook *const **hooks, uint64_t *n_hooks);

    /* Answers at a place: writes the outputs of the site, `n_outputs` values that are SS_NULL before. Writing none of them
     * adds nothing. */
    SsStatus (*call)(SsObj *o, SsCtx *ctx, const SsHookCall *call, SsValue *outputs, uint64_t n_outputs);
};

/* What can be told of a MODEL: a SsModel. */
#define SS_MODEL "selfsame.model/1"

/* What can be told of a MODEL. */
struct SsModel {
    /* sizeof(SsModel). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* Gives a struct with `family` (a STRING: SD1.5, SDXL), `prediction` (an INT: SS_PREDICTION_*) and `layers`, the
     * cross-attention layers in the order down, up, middle: a LIST of structs with `path` (STRING), `heads`, `hidden` and
     * `context` (INTs). */
    SsStatus (*info)(SsObj *o, SsCtx *ctx, SsValue *out);
};

/* The host's arithmetic, for results that are its own to the bit: a SsMath of SsHost's `get_interface`. */
#define SS_MATH "selfsame.math/1"

/* The host's arithmetic, on the device of the run. */
struct SsMath {
    /* sizeof(SsMath). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* Gives `x` times `weight` transposed: TENSORs f32 [.., in] and [out, in] to one [.., out]. */
    SsStatus (*linear)(SsCtx *ctx, SsValue x, SsValue weight, SsValue *out);
};

/* The host's reader of model files: a SsWeights of SsHost's `get_interface`. */
#define SS_WEIGHTS "selfsame.weights/1"

/* The host's reader of model files. */
struct SsWeights {
    /* sizeof(SsWeights). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* Opens a model file (safetensors, or a pickle of torch, of which no code is run) by its path: gives an object with
     * SS_STRUCT whose names are those of the tensors, and whose values TENSORs, read as f32 when they are asked for. Tell the
     * host of the file by `reads` too. */
    SsStatus (*open)(SsCtx *ctx, SsStr path, SsValue *out);
};

/* The node types of a plugin: a SsNodeFactory. */
#define SS_NODE_FACTORY "selfsame.node_factory/1"

/* The node types of a plugin. */
struct SsNodeFactory {
    /* sizeof(SsNodeFactory). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* The node types, in the order in which people read them. */
    const SsNodeType *const *types;

    /* How many there are. */
    uint64_t n_types;
};

/* A type of node. */
struct SsNodeType {
    /* sizeof(SsNodeType). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* What it is to everybody else. */
    const SsNodeDescriptor *descriptor;

    /* Makes a node for a node of a graph. It may be null, then `run` gets a null node. `ctx` is valid only during the call. */
    SsStatus (*create)(const SsNodeType *node_type, SsCtx *ctx, void **node);

    /* Computes the outputs, `n_outputs` values that are SS_NULL before, from the inputs, both in the order of the
     * descriptor. Inputs have the types of their ports, and are SS_NULL where nothing is set. Inputs are borrowed for the
     * call; outputs are given to the host. A node that fails says why with `ctx->host->fail`. One node is never called
     * by two threads at a time; two nodes of a type are, unless it says SS_NODE_SERIAL. */
    SsStatus (*run)(void *node, SsCtx *ctx, const SsValue *inputs, uint64_t n_inputs, SsValue *outputs, uint64_t n_outputs);

    /* Ends a node. May be null. */
    void (*destroy)(void *node);

    /* The interface of this name, or null. May be null. */
    const void *(*get_interface)(const SsNodeType *node_type, SsStr id);
};

/* The same inputs may give another result: it runs every time. */
#define SS_NODE_NOT_DETERMINISTIC UINT64_C(1)

/* It runs for its effect, such as a saved file, even when nothing is linked to it. */
#define SS_NODE_OUTPUT UINT64_C(2)

/* It takes tensors on CUDA devices; without this the host hands it copies in main memory. */
#define SS_NODE_CUDA UINT64_C(4)

/* It queues its CUDA work on the stream that it is given; without this the host waits before and after the call. */
#define SS_NODE_STREAM UINT64_C(8)

/* Only one node of this type may run at a time. */
#define SS_NODE_SERIAL UINT64_C(16)

/* Everything about a node except its functions: static data, which can be shown, compared and kept. */
struct SsNodeDescriptor {
    /* sizeof(SsNodeDescriptor). */
    uint32_t struct_size;

    /* Raised whenever the same inputs give another result; starts at 1. */
    uint32_t version;

    /* SS_NODE_*. */
    uint64_t flags;

    /* The stable key, in reverse domain order: `com.acme.gain`. It never changes. */
    SsStr id;

    /* The type name that graphs write: `Gain`. */
    SsStr name;

    /* The name that people read: `Apply gain`. The name if it is empty. */
    SsStr title;

    /* Where it stands in the catalogue: `image/adjust`. */
    SsStr category;

    /* What it does. Markdown; the first sentence stands alone in lists. */
    SsStr doc;

    /* Set when graphs should stop using it: what to use instead. */
    SsStr deprecated;

    /* Former names and ids; graphs that use them still load. */
    SsStrs aliases;

    /* Words by which it is found besides its names. */
    SsStrs search_terms;

    /* What it takes, in the order in which people read it. */
    const SsInputPort *const *inputs;

    /* How many inputs there are. */
    uint64_t n_inputs;

    /* What it gives. */
    const SsOutputPort *const *outputs;

    /* How many outputs there are. */
    uint64_t n_outputs;
};

/* The node also works without a value. Such an input has no default. */
#define SS_INPUT_OPTIONAL 1

/* What feeds it is computed only if the node asks for it while it runs. */
#define SS_INPUT_LAZY 2

/* It takes a LIST of its type whole. A list that arrives at an input without this runs the node once for each element. */
#define SS_INPUT_LIST 4

/* What the type suggests. */
#define SS_WIDGET_AUTO 0

/* No widget: only links. */
#define SS_WIDGET_NONE 1

/* A number field. */
#define SS_WIDGET_NUMBER 2

/* A slider over the soft range. */
#define SS_WIDGET_SLIDER 3

/* On or off. */
#define SS_WIDGET_TOGGLE 4

/* One of the choices. */
#define SS_WIDGET_COMBO 5

/* One line of text. */
#define SS_WIDGET_TEXT 6

/* Several lines of text. */
#define SS_WIDGET_MULTILINE 7

/* An INT of 64 random bits. */
#define SS_WIDGET_SEED 8

/* A STRING `#rrggbb` or `#rrggbbaa`. */
#define SS_WIDGET_COLOR 9

/* A STRING that names an existing file; `widget_args` are its extensions without the dot, none for any. */
#define SS_WIDGET_FILE 10

/* A STRING that names an existing folder. */
#define SS_WIDGET_FOLDER 11

/* A STRING that names a model; the one of `widget_args` is the kind of its folder: `checkpoints`, `loras`. */
#define SS_WIDGET_MODEL 12

/* One input of a node. */
struct SsInputPort {
    /* sizeof(SsInputPort). */
    uint32_t struct_size;

    /* SS_INPUT_*. */
    uint32_t flags;

    /* The stable key by which graphs set it: `guidance_scale`. */
    SsStr name;

    /* The type, of one element with SS_INPUT_LIST: `IMAGE`, `FLOAT`, `A|B`, `LIST<IMAGE>`, `*` for anything. */
    SsStr type_name;

    /* What it does, with shapes and units. Markdown. */
    SsStr doc;

    /* Former names; graphs that use them still load. */
    SsStrs aliases;

    /* The value when the graph sets none; null for none. */
    const SsLiteral *default_value;

    /* Numbers beyond these bounds are errors; null for none. */
    const SsRange *hard;

    /* The bounds of a slider; numbers beyond them are unusual, not wrong; null for none. */
    const SsRange *soft;

    /* How far one click moves the number; 0 for none. */
    double step;

    /* The unit of the number: `px`, `s`, `deg`. */
    SsStr unit;

    /* The only texts it takes, if there are any here. */
    SsStrs choices;

    /* SS_WIDGET_*. An unknown one counts as SS_WIDGET_AUTO. */
    uint32_t widget;

    /* 0. */
    uint32_t reserved;

    /* What belongs to the widget. */
    SsStrs widget_args;
};

/* One output of a node. */
struct SsOutputPort {
    /* sizeof(SsOutputPort). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* The stable key by which graphs link it: `image`. */
    SsStr name;

    /* The type of the value. */
    SsStr type_name;

    /* What it is, with shapes and units. Markdown. */
    SsStr doc;

    /* Former names; graphs that use them still load. */
    SsStrs aliases;
};

/* Bounds of a number, both of which belong to the range; an infinite one is none. */
struct SsRange {
    /* The smallest number. */
    double min;

    /* The largest number. */
    double max;
};

/* `i` is 0 or 1. */
#define SS_LITERAL_BOOL 1

/* `i`. */
#define SS_LITERAL_INT 2

/* `f`. */
#define SS_LITERAL_FLOAT 3

/* `text`. */
#define SS_LITERAL_STRING 4

/* `items`. */
#define SS_LITERAL_LIST 5

/* The u64 with the bits of `i`, for seeds of 2^63 and more. */
#define SS_LITERAL_UINT 6

/* A value as a graph file can write it. Only the field that belongs to the tag counts. */
struct SsLiteral {
    /* SS_LITERAL_*. */
    uint32_t tag;

    /* 0. */
    uint32_t zero;

    /* An integer or a truth value. */
    int64_t i;

    /* A number. */
    double f;

    /* A text. */
    SsStr text;

    /* The elements of a list. */
    const SsLiteral *items;

    /* How many there are. */
    uint64_t n_items;
};

/* "SELFSAME", little-endian. */
#define SS_MAGIC UINT64_C(0x454D4153464C4553)

/* Changes when something breaks. */
#define SS_ABI_MAJOR 1

/* Changes when something is added. */
#define SS_ABI_MINOR 1

/* The one thing that a plugin exports: `const SsEntry selfsame_plugin_entry = { ... };`
 *
 * It is data, so that a host can judge it before any function of the plugin runs. The first 32 bytes are the same in
 * every version there will ever be. */
struct SsEntry {
    /* SS_MAGIC. */
    uint64_t magic;

    /* SS_ABI_MAJOR of the header that it was built with. */
    uint16_t abi_major;

    /* SS_ABI_MINOR of the header that it was built with. */
    uint16_t abi_minor;

    /* The oldest minor of a host that it can work with. */
    uint16_t min_host_minor;

    /* 0. */
    uint16_t flags;

    /* sizeof(SsEntry). */
    uint32_t struct_size;

    /* 0. */
    uint32_t reserved;

    /* What it was built by, for reports of mistakes; ends with NUL, at most 200 bytes. May be null. */
    const char *build_info;

    /* Called before anything else, perhaps several times. `host` stays valid for ever; `folder` is where the plugin's
     * other files are. May be null. */
    SsStatus (*init)(const SsHost *host, SsStr folder);

    /* Called when the process ends, if at all. May be null. */
    void (*deinit)(void);

    /* The interface of this name, or null. Hosts ask for SS_PLUGIN_INFO and SS_NODE_FACTORY. */
    const void *(*get_interface)(SsStr id);
};

/* The interface that says who a plugin is: a SsPluginInfo. */
#define SS_PLUGIN_INFO "selfsame.plugin_info/1"

/* Who a plugin is. Only `id` and `version` have to be there. */
struct SsPluginInfo {
    /* sizeof(SsPluginInfo). */
    uint32_t struct_size;

    /* 0. */
    uint32_t flags;

    /* Its stable name, such as `acme-filters` or `com.acme.filters`. */
    SsStr id;

    /* Such as `1.2.0`. */
    SsStr version;

    /* The name that people read. */
    SsStr title;

    /* What it is for, in a sentence. */
    SsStr doc;

    /* Who made it. */
    SsStr authors;

    /* The SPDX expression of its licence. */
    SsStr license;

    /* Where to read more. */
    SsStr homepage;
};

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

#ifdef __cplusplus
}
#endif

#endif
