// A tree of certificate files, walked: beside a bare loop that reads and parses them, and once more where nothing
// changed.
#include "base/error.h"
#include "base/handle.h"
#include "bench/baseline.h"
#include "bench/measure.h"
#include "discover/walk.h"
#include "fakes/temporary_directory.h"
#include "pki/csr.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

namespace everseal::bench {
namespace {

void make_tree(const std::string& root, int count) {
  const auto key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
  const std::string csr =
      pki::csr_pem(pki::make_csr({.subject = {}, .identifiers = {pki::Identifier::parse("bench.example.org")}}, key));
  BareAuthority authority;
  for (int i = 0; i < count; ++i) {
    const std::string directory = fmt::format("{}/{}", root, i / 500);
    if (i % 500 == 0) std::filesystem::create_directories(directory);
    std::ofstream(fmt::format("{}/{}.pem", directory, i)) << authority.sign(csr);
  }
}

// In a library context that has only the null provider, so that no public key is decoded.
class NullContext {
 public:
  NullContext() : context_(OSSL_LIB_CTX_new()), provider_(OSSL_PROVIDER_load(context_.get(), "null")) {}
  OSSL_LIB_CTX* get() const { return context_.get(); }

 private:
  base::Handle<OSSL_LIB_CTX, OSSL_LIB_CTX_free> context_;
  base::Handle<OSSL_PROVIDER, OSSL_PROVIDER_unload> provider_;
};

bool parse(OSSL_LIB_CTX* context, const std::string& text) {
  const base::Handle<BIO, BIO_free_all> memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* der = nullptr;
  long size = 0;
  if (PEM_read_bio(memory.get(), &name, &header, &der, &size) != 1) return false;
  X509* certificate = X509_new_ex(context, nullptr);
  const unsigned char* at = der;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<std::size_t>(size), digest);
  const bool good = d2i_X509(&certificate, &at, size) != nullptr;
  X509_free(certificate);
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(der);
  return good;
}

void require(std::uint64_t found, int count) {
  if (found != static_cast<std::uint64_t>(count)) throw base::Error(base::Fault::internal, "a certificate is missing");
}

void bare(const std::string& root, int count) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    if (entry.is_regular_file()) paths.push_back(entry.path());
  const NullContext context;
  std::atomic<std::size_t> next = 0;
  std::atomic<std::uint64_t> found = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i)
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < paths.size(); at = next++) {
        std::ifstream file(paths[at], std::ios::binary);
        if (parse(context.get(), std::string(std::istreambuf_iterator<char>(file), {}))) ++found;
      }
    });
  threads.clear();
  require(found, count);
}

void walk(const std::string& root, int count) {
  discover::Walk wanted;
  wanted.roots = {root};
  const discover::Summary summary = discover::walk(wanted, {}, [](discover::File&&) {}, {});
  require(summary.certificates, count);
}

double walk_again(const std::string& root, int count) {
  std::map<std::string, discover::Stamp> stamps;
  discover::Walk wanted;
  wanted.roots = {root};
  discover::walk(wanted, {}, [&](discover::File&& file) { stamps.emplace(file.path, file.stamp); }, {});
  wanted.known = [&](const std::string& path, const discover::Stamp& stamp) {
    const auto known = stamps.find(path);
    return known != stamps.end() && known->second == stamp;
  };
  return seconds([&] {
    const discover::Summary summary = discover::walk(wanted, {}, [](discover::File&&) {}, {});
    require(summary.unchanged, count);
  });
}

}  // namespace

void discover() {
  const int count = scaled(100'000);
  const fakes::TemporaryDirectory directory;
  make_tree(directory / "tree", count);
  print_heading(fmt::format("a tree of {} certificate files", count));
  std::vector<Usage> ours;
  std::vector<Usage> theirs;
  for (int i = 0; i < 5; ++i) {
    ours.push_back(apart([&] { walk(directory / "tree", count); }));
    theirs.push_back(apart([&] { bare(directory / "tree", count); }));
  }
  print({"walked, wall", median(ours, &Usage::wall) * 1e3, "ms", median(theirs, &Usage::wall) * 1e3, "<= 1.3x"});
  print({"walked, CPU of a file", median(ours, &Usage::cpu) / count * 1e6, "us",
         median(theirs, &Usage::cpu) / count * 1e6, "<= 1.3x"});
  print({"memory", median(ours, &Usage::memory), "MiB"});
  print({"walked again, nothing changed, wall", walk_again(directory / "tree", count) * 1e3, "ms",
         median(ours, &Usage::wall) * 1e3, "< 1x"});
}

}  // namespace everseal::bench
