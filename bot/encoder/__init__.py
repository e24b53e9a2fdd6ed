"""The sentence encoder: built from a package, trimmed, fine-tuned, exported; served with ONNX Runtime.

`runtime` is all that serving needs. Everything else imports torch and runs at build time only.
"""
