"""Text ↔ ids: the tokenizer, the corpus, a visitor's prompt. Knows no model."""
