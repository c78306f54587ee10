// Threads, and what this LibTorch is made of.
#include "kernels.hpp"
#include "shim.hpp"

#include <ATen/Version.h>
#include <dlfcn.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

using namespace shim;

namespace {

/// A function of a library that may not be there.
template <typename Function>
Function *find(const char *name) {
    return reinterpret_cast<Function *>(::dlsym(RTLD_DEFAULT, name));
}

char *copied(const std::string &text) { return ::strdup(text.c_str()); }

/// The file that holds `symbol`, its links resolved.
char *file_of(const char *symbol) {
    void *address = ::dlsym(RTLD_DEFAULT, symbol);
    Dl_info info;
    if (address == nullptr || ::dladdr(address, &info) == 0 || info.dli_fname == nullptr) return nullptr;
    return ::realpath(info.dli_fname, nullptr);
}

}  // namespace

extern "C" {

bool ct_set_threads(int32_t threads, ct_error error) {
    return run(error, [&] {
        if (threads < 1) throw std::invalid_argument("expected at least one thread");
        at::set_num_threads(threads);
        auto *set = find<void(int)>("openblas_set_num_threads");
        auto *get = find<int()>("openblas_get_num_threads");
        // Only a change: resizing the pool while another thread multiplies is not safe.
        if (set != nullptr && (get == nullptr || get() != threads)) set(threads);
        if (static_cast<int64_t>(at::get_num_interop_threads()) != threads) {
            try {
                at::set_num_interop_threads(threads);
            } catch (const c10::Error &) {
                // It can be set once, before the pool starts; the description reports what is in force.
            }
        }
    });
}

void ct_keep_freed_memory(void) {
#if defined(__GLIBC__)
    // The largest threshold that glibc takes; without it blocks of some megabytes are mapped and unmapped every time.
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

bool ct_describe_runtime(ct_runtime *runtime, ct_error error) {
    *runtime = {};
    return run(error, [&] {
        runtime->version = copied(TORCH_VERSION);
        runtime->build = copied(at::show_config());
        runtime->blas_file = file_of("sgemm_");
        if (auto *config = find<char *()>("openblas_get_config")) runtime->openblas_config = copied(config());
        if (auto *core = find<char *()>("openblas_get_corename")) runtime->openblas_core = copied(core());
        runtime->kernels = kernel_level();
        runtime->threads = at::get_num_threads();
        runtime->interop_threads = at::get_num_interop_threads();
    });
}

void ct_free_runtime(ct_runtime *runtime) {
    std::free(runtime->version);
    std::free(runtime->build);
    std::free(runtime->blas_file);
    std::free(runtime->openblas_config);
    std::free(runtime->openblas_core);
    *runtime = {};
}

}  // extern "C"
