# Finds libuv and defines LibUV::LibUV.
include(FindPlainLibrary)
gatepost_find_library(LibUV uv.h uv)
