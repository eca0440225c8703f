# Install rules: the programs, the library with its torch-free public headers, and find_package(hra).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/hra)

set_target_properties(hra_cli PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS hra_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS hra EXPORT hraTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT hraTargets NAMESPACE hra:: DESTINATION ${package_folder})

# The pipelines' headers and those of the library that they include.
set(header_folder ${CMAKE_INSTALL_INCLUDEDIR}/hra)
install(DIRECTORY src/core DESTINATION ${header_folder} FILES_MATCHING PATTERN "*.h")
foreach(pipeline generate info)
    install(FILES pipelines/${pipeline}/${pipeline}.h DESTINATION ${header_folder}/pipelines/${pipeline})
endforeach()

configure_package_config_file(scripts/cmake/hraConfig.cmake.in hraConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(hraConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hraConfig.cmake ${PROJECT_BINARY_DIR}/hraConfigVersion.cmake
    DESTINATION ${package_folder})
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
