"""llama.cpp's HTTP server with a model of random weights: the text is nonsense, the protocol is real."""

import os
import sys

import gguf
import numpy
import xllamacpp

DIM, HEADS, LAYERS, FORWARD, CONTEXT = 64, 4, 1, 128, 8192
SPECIAL = ["<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]
WORDS = ["{", "}", '"', ":", "name", "arguments", "execute_goal", "read_file", "path", "goal_text", "fix", " "]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if tools %}<tool_call>{% for t in tools %}{{ t | tojson }}{% endfor %}</tool_call>{% endif %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_model(path, eager):
    random = numpy.random.default_rng(7)
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + WORDS + SPECIAL
    kind = gguf.TokenType
    kinds = [kind.UNKNOWN, kind.CONTROL, kind.CONTROL] + [kind.BYTE] * 256
    kinds += [kind.NORMAL] * len(WORDS) + [kind.USER_DEFINED] * len(SPECIAL)
    kinds[tokens.index("<|im_end|>")] = kind.CONTROL
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(DIM // HEADS)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_chat_template(TEMPLATE)

    def tensor(name, *shape, size=0.3):
        writer.add_tensor(name, random.normal(0, size, shape).astype(numpy.float32))

    def ones(name):
        writer.add_tensor(name, numpy.ones(DIM, dtype=numpy.float32))

    embedding = random.normal(0, 0.3, (len(tokens), DIM)).astype(numpy.float32)
    # The first dimension is nearly constant, so that a row of the output can be biased through it.
    embedding[:, 0] = 8.0
    writer.add_tensor("token_embd.weight", embedding)
    output = random.normal(0, 0.3, (len(tokens), DIM)).astype(numpy.float32)
    output[:, 0] = 0.0
    output[tokens.index("<|im_end|>"), 0] = 1.05
    if eager:
        output[tokens.index("<tool_call>"), 0] = 1.05
    writer.add_tensor("output.weight", output)
    ones("output_norm.weight")
    for layer in range(LAYERS):
        ones(f"blk.{layer}.attn_norm.weight")
        ones(f"blk.{layer}.ffn_norm.weight")
        for part in ["attn_q", "attn_k", "attn_v"]:
            tensor(f"blk.{layer}.{part}.weight", DIM, DIM)
        tensor(f"blk.{layer}.attn_output.weight", DIM, DIM, size=0.05)
        tensor(f"blk.{layer}.ffn_gate.weight", FORWARD, DIM)
        tensor(f"blk.{layer}.ffn_up.weight", FORWARD, DIM)
        tensor(f"blk.{layer}.ffn_down.weight", DIM, FORWARD, size=0.05)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    path, eager = sys.argv[1], sys.argv[2] == "eager"
    write_model(path, eager)
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = CONTEXT
    params.n_predict = 96
    params.n_parallel = 1
    params.use_jinja = True
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.port = 0
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    # Until the one who started it closes the pipe.
    sys.stdin.read()
    os._exit(0)


main()
