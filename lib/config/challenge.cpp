#include "base/error.h"
#include "base/text.h"
#include "config/reader.h"

#include <fmt/format.h>

namespace everseal::config {
namespace {

std::vector<std::string> read_zones(const Named& from, const base::Options& options, Reader& reader) {
  std::vector<std::string> zones;
  const std::vector<std::string> written = options.strings("zones");
  for (std::size_t i = 0; i < written.size(); ++i) {
    std::string_view text = written[i];
    if (text.ends_with('.')) text.remove_suffix(1);
    try {
      const auto zone = pki::Identifier::parse(pki::IdentifierKind::dns, text);
      if (zone.is_wildcard())
        throw base::Error(base::Fault::usage, "a zone covers all names below it without a wildcard");
      zones.push_back(zone.text());
    } catch (const base::Error& error) {
      reader.complain(origin_of_item(from.table, "zones", i, from.origin), from.key + ".zones", error.message(),
                      error.hint());
    }
  }
  return zones;
}

}  // namespace

Challenge read_challenge(const Named& from, Reader& reader) {
  Challenge challenge;
  challenge.name = from.name;
  challenge.origin = from.origin;
  const KindOptions* const kind = find_kind(from, reader.kinds.challenge, reader);
  if (kind == nullptr) return challenge;
  challenge.type = kind->name;
  const KindOptions* provider = nullptr;
  if (kind->takes_provider) {
    provider = find_kind(from, reader.kinds.dns, reader, "provider");
    if (provider == nullptr) return challenge;
    challenge.provider = provider->name;
  } else if (base::find(from.table, "provider") != nullptr) {
    reader.complain(origin_of(from.table, "provider", from.origin), from.key + ".provider",
                    fmt::format("{} sets no records", kind->name), "remove it");
  }
  const std::span<const base::Option> provider_options =
      provider == nullptr ? std::span<const base::Option>() : provider->options;
  report_unknown(from.table, {declared(Section::challenge), kind->options, provider_options}, {}, from.key,
                 reader.problems);
  const base::Options common =
      validate_declared(from.table, declared(Section::challenge), from.key, from.origin, reader.problems);
  challenge.zones = read_zones(from, common, reader);
  challenge.options = validate_declared(from.table, kind->options, from.key, from.origin, reader.problems);
  if (provider != nullptr)
    challenge.provider_options =
        validate_declared(from.table, provider_options, from.key, from.origin, reader.problems);
  return challenge;
}

}  // namespace everseal::config
