"""Ways to damage what was sound: bytes, texts, trees, protobuf messages, flatbuffers."""
