# Finds libmagic and defines Magic::Magic.
include(FindPlainLibrary)
gatepost_find_library(Magic magic.h magic)
