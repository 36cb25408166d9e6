#include "net/curl_library.h"

#include "base/error.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace everseal::net {
namespace {

using base::Error;
using base::Fault;

constexpr const char* kFile = "libcurl.so.4";  // its interface is the same since 2006

class Loader {
 public:
  Loader() : library_(::dlopen(kFile, RTLD_LAZY | RTLD_LOCAL)) {
    if (library_ == nullptr)
      throw Error(Fault::io, fmt::format("libcurl cannot be loaded: {}", ::dlerror()), "install the package libcurl4");
  }
  template <class Function>
  void find(Function& function, const char* name) const {
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    if (function == nullptr) throw Error(Fault::io, fmt::format("{} has no {}", kFile, name));
  }

 private:
  void* library_;  // never closed: other libraries hold on to it
};

CurlLibrary load() {
  const Loader loader;
  CurlLibrary library{};
  loader.find(library.global_init, "curl_global_init");
  loader.find(library.easy_init, "curl_easy_init");
  loader.find(library.easy_cleanup, "curl_easy_cleanup");
  loader.find(library.easy_reset, "curl_easy_reset");
  loader.find(library.easy_setopt, "curl_easy_setopt");
  loader.find(library.easy_perform, "curl_easy_perform");
  loader.find(library.easy_getinfo, "curl_easy_getinfo");
  loader.find(library.easy_strerror, "curl_easy_strerror");
  loader.find(library.slist_append, "curl_slist_append");
  loader.find(library.slist_free_all, "curl_slist_free_all");
  loader.find(library.getdate, "curl_getdate");
  loader.find(library.url, "curl_url");
  loader.find(library.url_cleanup, "curl_url_cleanup");
  loader.find(library.url_set, "curl_url_set");
  loader.find(library.url_get, "curl_url_get");
  loader.find(library.free, "curl_free");
  if (const CURLcode code = library.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK)
    throw Error(Fault::internal, fmt::format("libcurl does not start: {}", library.easy_strerror(code)));
  return library;
}

}  // namespace

const CurlLibrary& curl() {
  static const CurlLibrary library = load();
  return library;
}

}  // namespace everseal::net
