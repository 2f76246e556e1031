# cmake -DINPUT=FOLDER -DOUTPUT=assets.cc -P embed_page.cmake
set(source "#include \"proxy/admin/assets.h\"\n")
foreach(name style.css script.js icon.svg)
  file(READ "${INPUT}/${name}" text)
  if(text MATCHES "\\)asset\"")
    message(FATAL_ERROR "${INPUT}/${name} contains the end mark of its raw string")
  endif()
  string(REPLACE "." "_" function "${name}")
  string(APPEND source "\nstd::string_view gatepost::admin::assets::${function}() {\n"
                       "  return R\"asset(${text})asset\";\n}\n")
endforeach()
file(WRITE "${OUTPUT}" "${source}")
