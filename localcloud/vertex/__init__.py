"""Vertex AI on loopback: Gemini text, Gemini images and Veo for unmodified client libraries, with faults on order."""
