"""The structure of every network, in one place. All that is shipped has to fit into 30 MB: about 14 million weights in f16."""

# Pixels a side of the pictures, and of a latent pixel.
PICTURE, FACTOR = 128, 8

EMBEDDING = 512

TEXT = dict(width=64, layers=3, heads=4)
TEXT_2 = dict(width=96, layers=4, heads=4)
CONTEXT = TEXT["width"] + TEXT_2["width"]

VAE = dict(
    block_out_channels=(16, 32, 64, 96),
    down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4,
    layers_per_block=1,
    latent_channels=4,
    # Few groups: a channel that is normalised alone forgets how bright it was, and colours are lost.
    norm_num_groups=4,
    sample_size=PICTURE,
    force_upcast=False,
)

# SDXL's: no attention at the finest level, added conditions (pooled text, six numbers of the size).
UNET = dict(
    sample_size=PICTURE // FACTOR,
    in_channels=4,
    out_channels=4,
    block_out_channels=(64, 96, 128),
    layers_per_block=1,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    transformer_layers_per_block=[1, 1, 1],
    attention_head_dim=[2, 3, 4],
    cross_attention_dim=CONTEXT,
    use_linear_projection=True,
    norm_num_groups=8,
    addition_embed_type="text_time",
    addition_time_embed_dim=16,
    projection_class_embeddings_input_dim=TEXT_2["width"] + 6 * 16,
)

HINT = (16, 32, 48, 64)

RESAMPLER = dict(dim=128, depth=2, dim_head=32, heads=4, num_queries=16, embedding_dim=EMBEDDING, output_dim=CONTEXT, ff_mult=2)

# Of the LoRA of a style, in transformers; of the one for few steps, in all blocks.
LORA_RANK, LCM_RANK = 4, 2

SCHEDULER = dict(
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    num_train_timesteps=1000,
    prediction_type="epsilon",
    timestep_spacing="leading",
    steps_offset=1,
)
