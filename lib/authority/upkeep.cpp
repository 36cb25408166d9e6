#include "authority/upkeep.h"

#include "authority/files.h"
#include "base/error.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "pki/chain.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::authority {
namespace {

using base::Fault;
using inventory::AuthorityRole;
using pki::Certificate;

constexpr std::size_t kLongestChain = 16;

// The intermediate and those between it and the root; the database has them from the day the authority came to be.
std::vector<Certificate> chain_below(const Certificate& root, const Certificate& intermediate,
                                     inventory::Store& store) {
  std::vector<Certificate> chain{intermediate};
  if (pki::is_signed_by(intermediate, root)) return chain;
  const std::vector<Certificate> known = inventory::Certificates(store).authorities();
  while (!pki::is_signed_by(chain.back(), root) && chain.size() < kLongestChain) {
    const auto above = std::ranges::find_if(known, [&](const Certificate& one) {
      return std::ranges::find(chain, one) == chain.end() && pki::is_signed_by(chain.back(), one);
    });
    if (above == known.end()) break;
    chain.push_back(*above);
  }
  return chain;
}

std::string pem_of(const std::vector<Certificate>& certificates) {
  std::string text;
  for (const Certificate& certificate : certificates) text += certificate.pem();
  return text;
}

// What the file says; nullopt where there is no regular file of bearable size.
std::optional<std::string> text_of(const base::Directory& directory, const std::string& file) {
  try {
    const auto bytes = directory.read(file, kLongestFile);
    return bytes ? std::optional(std::string(base::as_text(*bytes))) : std::nullopt;
  } catch (const base::Error& error) {
    if (error.fault() != Fault::invalid) throw;
    return std::nullopt;
  }
}

std::vector<Certificate> certificates_in(const std::string& text) {
  try {
    return Certificate::parse_all(base::as_bytes(text));
  } catch (const base::Error&) {
    return {};
  }
}

class Examination {
 public:
  explicit Examination(const base::Directory& directory) : directory_(directory) {}

  void manifest(const std::string& known) {
    look(kManifestFile, known, [&](const std::string& found) {
      if (found == known) return Judgement::right;
      return nlohmann::json::accept(found) ? Judgement::another : Judgement::damaged;
    });
  }

  // More than is known is no harm.
  void certificates(const std::string& file, const std::vector<Certificate>& known) {
    look(file, pem_of(known), [&](const std::string& text) {
      const std::vector<Certificate> found = certificates_in(text);
      if (found.empty()) return Judgement::damaged;
      if (found.front() != known.front()) return Judgement::another;
      const bool whole = found.size() >= known.size() && std::equal(known.begin(), known.end(), found.begin());
      return whole ? Judgement::right : Judgement::damaged;
    });
  }

  std::vector<FileTrouble> troubles() && { return std::move(troubles_); }

 private:
  enum class Judgement { right, damaged, another };

  template <class Judge>
  void look(const std::string& file, const std::string& known, Judge judge) {
    if (!directory_.has(file)) return add(file, "is missing", known);
    const auto found = text_of(directory_, file);
    switch (found ? judge(*found) : Judgement::damaged) {
      case Judgement::right:
        return;
      case Judgement::damaged:
        return add(file, "is damaged", known);
      case Judgement::another:
        return add(file, "says something else than the database", {});
    }
  }

  void add(const std::string& file, std::string what, std::string text) {
    troubles_.push_back({file, std::move(what), std::move(text)});
  }

  const base::Directory& directory_;
  std::vector<FileTrouble> troubles_;
};

}  // namespace

bool has_chain(const base::Directory& directory) {
  return directory.has(intermediate_file(kFirstGeneration)) && directory.has(kRootFile);
}

void require_whole(const base::Directory& directory) {
  if (has_chain(directory)) return;
  std::vector<std::string> missing;
  const auto look_for = [&](const std::string& file) {
    if (!directory.has(file)) missing.push_back(file);
  };
  const std::string intermediate = intermediate_file(kFirstGeneration);
  look_for(kManifestFile);
  const bool waits = directory.has(kCsrFile) && !directory.has(intermediate) && !directory.has(kCrlFile);
  if (!waits) {
    look_for(intermediate);
    look_for(kRootFile);
  }
  if (missing.empty()) return;
  throw base::Error(
      Fault::corrupt,
      fmt::format("{} is no whole authority: it has no {}", directory.path(), base::join(missing, " and no ")),
      "bring that back from a backup, then `everseal doctor --rebuild` takes the authority in; what is there stays");
}

std::string missing_to_sign(inventory::Store& store, const Name& name) {
  inventory::Authorities authorities(store);
  const auto active = authorities.active_generation(name);
  if (!active) return {};
  const std::string path = authority_path(store, name);
  const auto directory = base::Directory::open_if_exists(path);
  if (!directory) return fmt::format("{} is missing: bring it back from a backup", path);
  for (const auto& row : authorities.certificates(name))
    if (row.role == AuthorityRole::intermediate && row.generation == *active && !row.key_file.empty() &&
        !directory->has(row.key_file))
      return fmt::format("its key {}/{} is missing: bring it back from a backup", path, row.key_file);
  return {};
}

std::vector<FileTrouble> file_troubles(inventory::Store& store, const Name& name) {
  const auto directory = base::Directory::open_if_exists(authority_path(store, name));
  inventory::Authorities authorities(store);
  const auto record = authorities.find(name);
  if (!directory || !record) return {};
  Examination examination(*directory);
  examination.manifest(record->settings);
  const auto rows = authorities.certificates(name);
  const auto root = std::ranges::find(rows, AuthorityRole::root, &inventory::AuthorityCertificateRecord::role);
  if (root != rows.end()) {
    const Certificate anchor = Certificate::parse(root->der);
    examination.certificates(kRootFile, {anchor});
    for (const auto& row : rows)
      if (row.role == AuthorityRole::intermediate)
        examination.certificates(intermediate_file(row.generation),
                                 chain_below(anchor, Certificate::parse(row.der), store));
  }
  return std::move(examination).troubles();
}

std::vector<std::string> mend_files(inventory::Store& store, const Name& name) {
  std::vector<std::string> mended;
  for (const FileTrouble& trouble : file_troubles(store, name)) {
    if (trouble.text.empty()) continue;
    const mode_t mode = trouble.file == kManifestFile ? 0600 : 0644;
    const auto directory = base::Directory::open(authority_path(store, name));
    if (directory.has_directory(trouble.file)) directory.move_aside(trouble.file);
    directory.replace(trouble.file, base::as_bytes(trouble.text), {.mode = mode});
    mended.push_back(trouble.file);
  }
  return mended;
}

}  // namespace everseal::authority
