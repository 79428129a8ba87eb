"""The stitcher: a cut list and its clips become one finished film, copying every frame that need not be encoded."""
