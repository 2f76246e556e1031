# Finds libgumbo and defines Gumbo::Gumbo.
include(FindPlainLibrary)
gatepost_find_library(Gumbo gumbo.h gumbo)
