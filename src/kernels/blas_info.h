// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Facts about the process's matrix library, and the number of threads that computes.
#pragma once

#include <cstdint>
#include <string>

namespace hra {

struct BlasInfo {
    std::string name;  ///< "OpenBLAS", "MKL", "BLIS", "ATLAS", "reference BLAS" or "unknown"
    std::string path;  ///< the mapped file; empty when it is linked in or not found
    bool slow;         ///< the reference implementation: some fifty times slower than the others
};

/// Which BLAS this process has loaded, by the names of its mapped files.
BlasInfo blas_info();

/// Threads of LibTorch and, where it keeps its own pool, of the BLAS; 0 means one for each processor that the
/// process may use. Returns the number. (Debian's LibTorch starts with one.)
int64_t set_threads(int64_t count);

namespace detail {

/// The BLAS among the lines of a /proc/<pid>/maps listing; `has_mkl` is what LibTorch says of itself.
BlasInfo blas_from_maps(const std::string& maps, bool has_mkl);

}  // namespace detail
}  // namespace hra
