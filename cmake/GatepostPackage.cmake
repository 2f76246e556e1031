# What is installed beside the program, and the Debian package of it all:
#
#   cmake --install build/release --prefix /usr/local
#   (cd build/release && cpack -G DEB)
#
# Neither builds anything: that is done before.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY TRUE)
include(GNUInstallDirs)
set(gatepost_deploy ${PROJECT_SOURCE_DIR}/deploy)
set(gatepost_docdir ${CMAKE_INSTALL_DATADIR}/doc/gatepost)

# --- everywhere ---------------------------------------------------------------------------------

install(DIRECTORY ${PROJECT_SOURCE_DIR}/config/examples DESTINATION ${gatepost_docdir})
install(FILES ${gatepost_deploy}/debian/gatepost.json DESTINATION ${gatepost_docdir}/examples)
install(DIRECTORY ${gatepost_deploy}/systemd/examples/ DESTINATION ${gatepost_docdir}/examples/systemd)
install(DIRECTORY ${gatepost_deploy}/fail2ban DESTINATION ${gatepost_docdir}/examples)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${gatepost_docdir} FILES_MATCHING PATTERN "*.md"
        PATTERN man EXCLUDE)
install(FILES ${PROJECT_SOURCE_DIR}/config/schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/gatepost)
install(FILES ${PROJECT_SOURCE_DIR}/docs/man/gatepost.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/docs/man/gatepost.json.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${gatepost_deploy}/systemd/gatepost.sysusers DESTINATION lib/sysusers.d RENAME gatepost.conf)
install(FILES ${gatepost_deploy}/systemd/gatepost.tmpfiles DESTINATION lib/tmpfiles.d RENAME gatepost.conf)
install(FILES ${gatepost_deploy}/systemd/gatepost.service DESTINATION lib/systemd/system)
# The unit names the program where it really is. The prefix is known at last when it is installed.
install(CODE "
  set(unit \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/gatepost.service\")
  file(READ \"\${unit}\" text)
  string(REPLACE /usr/bin/gatepost \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/gatepost\" text \"\${text}\")
  file(WRITE \"\${unit}\" \"\${text}\")")

# --- only in the package ------------------------------------------------------------------------

set(CPACK_PACKAGE_NAME gatepost)
set(CPACK_PACKAGE_VENDOR Gatepost)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "POP3 gateway: TLS, scanning and retention in front of POP3 servers")
set(CPACK_PACKAGE_DESCRIPTION
    "Gatepost stands between mail programs and POP3 servers. It speaks TLS where the
server does not, asks virus and spam scanners before a client sees a message,
rewrites or holds back what they find, routes users to several servers, and
decides what is deleted and what is kept.
.
No mail is lost, truncated or delivered unscanned without somebody being told.")
set(CPACK_GENERATOR DEB)
set(CPACK_STRIP_FILES TRUE)
# The layout is Debian's: /usr for most, /etc for the rest, with DESTDIR in front of both.
set(CPACK_SET_DESTDIR TRUE)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};gatepost;ALL;/;${PROJECT_BINARY_DIR};gatepost;debian;/")

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "Gatepost maintainers <maintainers@gatepost.invalid>" CACHE STRING
    "Who answers for the Debian package")
# Of the libraries, as the program names them. procps: /bin/kill of ExecReload.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS TRUE)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "procps, systemd | systemd-standalone-sysusers | systemd-sysusers, systemd | systemd-standalone-tmpfiles | systemd-tmpfiles")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "clamav-daemon, fail2ban, logrotate, rspamd")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${gatepost_deploy}/debian/conffiles ${gatepost_deploy}/debian/postinst
    ${gatepost_deploy}/debian/prerm ${gatepost_deploy}/debian/postrm)

set(debian_version ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
string(TIMESTAMP debian_date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH, where it is set
configure_file(${gatepost_deploy}/debian/changelog.in ${PROJECT_BINARY_DIR}/debian/changelog.Debian @ONLY)
install(FILES ${gatepost_deploy}/debian/copyright ${PROJECT_BINARY_DIR}/debian/changelog.Debian
        DESTINATION ${gatepost_docdir} COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${gatepost_deploy}/debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
        RENAME gatepost COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${gatepost_docdir} RENAME changelog
        COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${gatepost_deploy}/debian/gatepost.json DESTINATION /etc/gatepost
        COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${gatepost_deploy}/systemd/gatepost.logrotate DESTINATION /etc/logrotate.d RENAME gatepost
        COMPONENT debian EXCLUDE_FROM_ALL)
# Debian wants these compressed, and always the same octets (-n: no time in them).
install(CODE "
  set(share \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share\")
  execute_process(COMMAND gzip -9nf
    \${share}/doc/gatepost/changelog \${share}/doc/gatepost/changelog.Debian
    \${share}/man/man1/gatepost.1 \${share}/man/man5/gatepost.json.5
    COMMAND_ERROR_IS_FATAL ANY)" COMPONENT debian EXCLUDE_FROM_ALL)
include(CPack)
