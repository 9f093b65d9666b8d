"""InstantID's parts on top of the base: the Resampler (embedding to tokens) and the decoupled cross-attention of the Image Adapter."""

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    """A layer of the Resampler: latents look at the embedding and at themselves."""

    def __init__(self, dim, dim_head, heads):
        super().__init__()
        self.heads, inner = heads, dim_head * heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, x, latents):
        x, latents = self.norm1(x), self.norm2(latents)
        k, v = self.to_kv(torch.cat([x, latents], 1)).chunk(2, -1)
        q, k, v = [part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.to_q(latents), k, v)]
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Resampler(nn.Module):
    """Embeddings `[N,1,512]` to tokens `[N,num_queries,output_dim]`; names are those of published files."""

    def __init__(self, dim, depth, dim_head, heads, num_queries, embedding_dim, output_dim, ff_mult):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(1, num_queries, dim) / dim**0.5)
        self.proj_in, self.proj_out = nn.Linear(embedding_dim, dim), nn.Linear(dim, output_dim)
        self.norm_out = nn.LayerNorm(output_dim)
        forward = lambda: nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, ff_mult * dim, bias=False), nn.GELU(), nn.Linear(ff_mult * dim, dim, bias=False),
        )
        self.layers = nn.ModuleList([nn.ModuleList([Attention(dim, dim_head, heads), forward()]) for _ in range(depth)])

    def forward(self, embeddings):
        x, latents = self.proj_in(embeddings), self.latents.expand(len(embeddings), -1, -1)
        for attention, forward in self.layers:
            latents = latents + attention(x, latents)
            latents = latents + forward(latents)
        return self.norm_out(self.proj_out(latents))


class Decoupled(nn.Module):
    """A cross-attention that looks at the text and, apart from it, at the tokens of the person; the sum goes on."""

    def __init__(self, width, context):
        super().__init__()
        self.to_k_ip = nn.Linear(context, width, bias=False)
        self.to_v_ip = nn.Linear(context, width, bias=False)
        self.weight = 1.0

    # diffusers passes what is called so only to attentions that ask for it.
    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None, ip_hidden_states=None):
        split = lambda x: x.unflatten(-1, (attn.heads, -1)).transpose(1, 2)
        query = split(attn.to_q(hidden_states))
        text = F.scaled_dot_product_attention(query, split(attn.to_k(encoder_hidden_states)), split(attn.to_v(encoder_hidden_states)))
        if ip_hidden_states is not None:
            key, value = split(self.to_k_ip(ip_hidden_states)), split(self.to_v_ip(ip_hidden_states))
            text = text + self.weight * F.scaled_dot_product_attention(query, key, value)
        return attn.to_out[1](attn.to_out[0](text.transpose(1, 2).flatten(2)))


def install(unet, context):
    """Puts decoupled attention into every text attention of a UNet. Gives them by their place in diffusers' order, as files number them."""
    processors, added = dict(unet.attn_processors), nn.ModuleDict()
    modules = dict(unet.named_modules())
    for place, name in enumerate(processors):
        if "attn2" not in name:
            continue
        attention = modules[name.removesuffix(".processor")]
        layer = Decoupled(attention.to_q.out_features, context)
        # Values begin at the text's, so that tokens speak a language that the base understands.
        layer.to_k_ip.weight.data.copy_(attention.to_k.weight.data)
        layer.to_v_ip.weight.data.copy_(attention.to_v.weight.data)
        processors[name], added[str(place)] = layer, layer
    unet.set_attn_processor(processors)
    return added
