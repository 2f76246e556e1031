# cmake -DINPUT=FOLDER -DOUTPUT=templates.cc -P embed_templates.cmake
file(GLOB inputs "${INPUT}/*.txt" "${INPUT}/*.html")
set(source "#include \"filters/notice/words.h\"\n")
foreach(input ${inputs})
  file(READ "${input}" text)
  if(text MATCHES "\\)template\"")
    message(FATAL_ERROR "${input} contains the end mark of its raw string")
  endif()
  get_filename_component(name "${input}" NAME)
  string(REPLACE "." "_" name "${name}")
  string(APPEND source "\nstd::string_view gatepost::filters::templates::${name}() {\n"
                       "  return R\"template(${text})template\";\n}\n")
endforeach()
file(WRITE "${OUTPUT}" "${source}")
