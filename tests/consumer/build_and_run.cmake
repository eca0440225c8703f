# cmake -D BUILD=... -D SOURCE=... -D WORK=... -D COMPILER=... -D BUILD_TYPE=... -D TORCH=... -P build_and_run.cmake
# Installs BUILD into a fresh folder, builds the project in SOURCE against it, and runs the result.
function(run)
    execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G Ninja -D hra_ROOT=${WORK}/installed
    -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_BUILD_TYPE=${BUILD_TYPE} -D Torch_DIR=${TORCH})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
run(${WORK}/installed/bin/hra --version)
