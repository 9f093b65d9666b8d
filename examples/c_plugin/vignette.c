/* A plugin in C, from the header alone:
 *
 *     cc -shared -fPIC -fvisibility=hidden -I plugins/abi/include -o vignette.so examples/c_plugin/vignette.c
 *     selfsame nodes --plugin vignette.so Vignette
 */
#include <selfsame_plugin.h>

/* image, strength -> image */
static SsStatus run(void *node, SsCtx *ctx, const SsValue *in, uint64_t n_in, SsValue *out, uint64_t n_out) {
    SsDLTensor image, made;
    SsTensorBuilder *builder;
    SsStatus status;
    (void)node, (void)n_in, (void)n_out;
    if (ss_view(in[0], &image) || !ss_f32(&image)) return ss_fail(ctx, SS_STATUS_INVALID_ARGUMENT, "not f32", "image");

    /* The host's memory, so that nothing has to be copied. */
    status = ss_tensor_new(ctx, image.shape, image.ndim, &made, &builder);
    if (status) return status;

    const float *from = ss_f32(&image), strength = (float)in[1].v.f;
    float *to = ss_f32(&made);
    int64_t batch = image.shape[0], height = image.shape[1], width = image.shape[2], channels = image.shape[3];
    for (int64_t b = 0; b < batch; b++) {
        if (ss_cancelled(ctx)) return SS_STATUS_CANCELLED;
        for (int64_t y = 0; y < height; y++) {
            for (int64_t x = 0; x < width; x++) {
                /* -1..1 from edge to edge. */
                float u = (2 * x + 1) / (float)width - 1, v = (2 * y + 1) / (float)height - 1;
                float light = 1 - strength * (u * u + v * v) / 2;
                for (int64_t c = 0; c < channels; c++) *to++ = *from++ * (c == 3 ? 1 : light);
            }
        }
        ss_progress(ctx, (uint64_t)b + 1, (uint64_t)batch, "pictures");
    }
    return ss_tensor_finish(ctx, builder, "IMAGE", &out[0]);
}

static const SsRange zero_to_one = {0, 1};
static const SsLiteral half = {.tag = SS_LITERAL_FLOAT, .f = 0.5};

static const SsInputPort image = {
    .struct_size = sizeof(SsInputPort),
    .name = SS_LIT("image"),
    .type_name = SS_LIT("IMAGE"),
    .doc = SS_LIT("What is darkened."),
};
static const SsInputPort strength = {
    .struct_size = sizeof(SsInputPort),
    .name = SS_LIT("strength"),
    .type_name = SS_LIT("FLOAT"),
    .doc = SS_LIT("How dark the corners become: 0 changes nothing, 1 makes them black."),
    .default_value = &half,
    .hard = &zero_to_one,
    .widget = SS_WIDGET_SLIDER,
};
static const SsOutputPort darker = {
    .struct_size = sizeof(SsOutputPort),
    .name = SS_LIT("image"),
    .type_name = SS_LIT("IMAGE"),
    .doc = SS_LIT("the picture with darker corners"),
};
static const SsInputPort *const inputs[] = {&image, &strength};
static const SsOutputPort *const outputs[] = {&darker};

static const SsNodeDescriptor descriptor = {
    .struct_size = sizeof(SsNodeDescriptor),
    .version = 1,
    .id = SS_LIT("org.example.vignette"),
    .name = SS_LIT("Vignette"),
    .category = SS_LIT("samples"),
    .doc = SS_LIT("Darkens a picture towards its corners; alpha stays."),
    .inputs = inputs,
    .n_inputs = 2,
    .outputs = outputs,
    .n_outputs = 1,
};
static const SsNodeType vignette = {.struct_size = sizeof(SsNodeType), .descriptor = &descriptor, .run = run};

static const SsNodeType *const types[] = {&vignette};
static const SsNodeFactory factory = {.struct_size = sizeof(SsNodeFactory), .types = types, .n_types = 1};
static const SsPluginInfo info = {
    .struct_size = sizeof(SsPluginInfo),
    .id = SS_LIT("vignette"),
    .version = SS_LIT("1.0.0"),
    .doc = SS_LIT("A sample in C."),
};

static const void *get_interface(SsStr id) {
    if (ss_str_is(id, SS_PLUGIN_INFO)) return &info;
    if (ss_str_is(id, SS_NODE_FACTORY)) return &factory;
    return 0;
}

SS_EXPORT const SsEntry selfsame_plugin_entry = {
    .magic = SS_MAGIC,
    .abi_major = SS_ABI_MAJOR,
    .abi_minor = SS_ABI_MINOR,
    .struct_size = sizeof(SsEntry),
    .build_info = "vignette.c",
    .get_interface = get_interface,
};
