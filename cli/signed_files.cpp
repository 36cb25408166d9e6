#include "signed_files.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::cli {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kLongestName = 255;  // NAME_MAX of Linux's file systems
constexpr std::size_t kLargestCertificates = 1 << 20;
constexpr std::array<std::string_view, 6> kExtensions{".csr", ".req", ".p10", ".pem", ".der", ".txt"};

base::Directory open_writable(const std::string& path) {
  base::Directory directory = base::Directory::open(path);
  if (::faccessat(directory.descriptor(), ".", W_OK | X_OK, AT_EACCESS) != 0)
    throw Error(Fault::denied, fmt::format("cannot write into {}: {}", base::printable(path), base::errno_text(errno)),
                "name another directory with --out-dir");
  return directory;
}

bool is_file(const std::string& path, const struct stat& file) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && status.st_dev == file.st_dev && status.st_ino == file.st_ino;
}

bool holds_certificates(std::string_view text) {
  return text.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos &&
         text.find("PRIVATE KEY-----") == std::string_view::npos;
}

// Why `name` is not to be replaced; nullopt where it is free, or holds a certificate of an earlier run.
std::optional<Error> in_the_way(const base::Directory& directory, const std::string& name,
                                const std::vector<std::string>& csrs) {
  struct stat status {};
  if (::fstatat(directory.descriptor(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  const std::string path = base::printable(directory.path() + "/" + name);
  if (std::ranges::any_of(csrs, [&](const std::string& csr) { return csr != "-" && is_file(csr, status); }))
    return Error(Fault::exists, fmt::format("its certificate would be written over the CSR {}", path),
                 "name another directory with --out-dir");
  const char* const hint = "move it away, or name another directory with --out-dir";
  if (!S_ISREG(status.st_mode)) return Error(Fault::exists, fmt::format("{} is no regular file", path), hint);
  try {
    const auto present = directory.read_secret(name, kLargestCertificates);
    if (present && holds_certificates(present->reveal_text())) return std::nullopt;
  } catch (const Error&) {  // what cannot be read is not known to be a certificate
  }
  return Error(Fault::exists, fmt::format("{} exists and is no certificate", path), hint);
}

}  // namespace

std::string signed_name(std::string_view csr) {
  if (csr == "-") return "stdin.pem";
  std::string_view name = csr.substr(csr.rfind('/') + 1);
  const std::string lower = base::lower(name);
  for (const std::string_view extension : kExtensions)
    if (lower.size() > extension.size() && lower.ends_with(extension)) {
      name.remove_suffix(extension.size());
      break;
    }
  return std::string(name) + ".pem";
}

SignedFiles::SignedFiles(const std::string& directory, const std::vector<std::string>& csrs)
    : directory_(open_writable(directory)) {
  std::map<std::string, std::vector<std::size_t>> users;
  for (std::size_t i = 0; i < csrs.size(); ++i) {
    names_.push_back(signed_name(csrs[i]));
    users[names_.back()].push_back(i);
  }
  paths_.reserve(names_.size());
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const std::string& name = names_[i];
    const std::vector<std::size_t>& same = users[name];
    if (same.size() > 1) {
      const std::size_t other = same[same.front() == i ? 1 : 0];
      paths_.emplace_back(
          std::unexpected(Error(Fault::usage,
                                fmt::format("its certificate and that of {} would both be {}",
                                            base::printable(csrs[other]), base::printable(directory + "/" + name)),
                                "sign them in two runs with an --out-dir each, or rename one")));
    } else if (name.size() > kLongestName) {
      paths_.emplace_back(std::unexpected(
          Error(Fault::invalid, fmt::format("{} is too long for the name of a file", base::printable(name)),
                "rename the CSR")));
    } else if (auto error = in_the_way(directory_, name, csrs)) {
      paths_.emplace_back(std::unexpected(std::move(*error)));
    } else {
      paths_.emplace_back(directory + (directory.ends_with('/') ? "" : "/") + name);
    }
  }
}

void SignedFiles::write(std::size_t index, std::string_view pem) const {
  directory_.replace(names_.at(index), base::as_bytes(pem), {.user = {}, .group = {}, .mode = 0644});
}

}  // namespace everseal::cli
