#include "base/error.h"
#include "pki/digest.h"
#include "reconcile/kinds.h"
#include "reconcile/reconcile.h"

namespace everseal::reconcile {
namespace {

constexpr const char* kDigestSetting = "config.digest";

std::vector<inventory::ManagedRecord> records_of(const config::Config& config) {
  std::vector<inventory::ManagedRecord> records;
  records.reserve(config.certificates.size());
  for (const auto& [name, certificate] : config.certificates) {
    inventory::ManagedRecord record;
    record.name = name;
    record.spec = config::normal_form(certificate);
    record.spec_hash = base::hex(pki::sha256(base::as_bytes(record.spec)));
    record.origin = to_string(certificate.origin);
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

Desired::Desired(const Host& host, inventory::Store& store)
    : sources_(config::read(host.files)), kinds_(config_kinds(authority_names(store))) {
  const std::string digest = config::digest(sources_);
  if (store.setting(kDigestSetting) == digest) return;
  const Time now = host.clock();
  const std::vector<inventory::ManagedRecord> records = records_of(config());
  store.transaction([&] {
    inventory::Managed(store).replace_all(records, now);
    store.set_setting(kDigestSetting, digest);
  });
}

const config::Config& Desired::config() {
  if (!config_) config_ = config::parse_or_throw(sources_, kinds_);
  return *config_;
}

}  // namespace everseal::reconcile
