#include "reconcile/verbs/import/draft.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>

namespace everseal::reconcile {

ImportDraft::ImportDraft(const Host& host, config::Kinds kinds, config::Config present)
    : state_(host.state), kinds_(std::move(kinds)), config_(std::move(present)), draft_(host.files, kinds_) {}

Name ImportDraft::free_name(const std::string& family, const std::string& wanted,
                            const std::function<bool(const Name&)>& is_taken) const {
  Name name = Name::parse(wanted);
  for (int i = 2; is_taken(name) || !draft_.is_free({family, name, {}}); ++i) {
    const std::string end = fmt::format("-{}", i);
    name = Name::parse(wanted.substr(0, Name::kLongest - end.size()) + end);
  }
  return name;
}

void ImportDraft::add(const config::Fragment& fragment, config::Config part) {
  draft_.add(fragment);
  config_.issuers.merge(part.issuers);
  config_.challenges.merge(part.challenges);
  config_.certificates.merge(part.certificates);
}

std::string ImportDraft::secret_path(const std::string& file) const {
  return fmt::format("{}/{}", secrets_directory(), file);
}

void ImportDraft::write() const {
  try {
    write_secrets();
    draft_.write();
  } catch (const base::Error&) {
    remove_secrets();
    throw;
  }
}

void ImportDraft::write_secrets() const {
  if (secrets_.empty()) return;
  const auto directory = base::Directory::create(secrets_directory(), 0700);
  for (const auto& [file, secret] : secrets_) directory.replace(file, secret.reveal());
}

void ImportDraft::remove_secrets() const noexcept {
  try {
    if (const auto directory = base::Directory::open_if_exists(secrets_directory()))
      for (const auto& [file, secret] : secrets_) directory->remove(file);
  } catch (const base::Error&) {
    // The error that led here is the one to report.
  }
}

}  // namespace everseal::reconcile
