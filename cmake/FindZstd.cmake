# Finds libzstd and defines Zstd::Zstd.
include(FindPlainLibrary)
gatepost_find_library(Zstd zstd.h zstd)
