# cmake -S . -B build/aarch64 -DCMAKE_TOOLCHAIN_FILE=cpp/cmake/aarch64-linux.cmake -DPYCORE_REPLAY=ON
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# One file that qemu runs without a foreign root.
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
