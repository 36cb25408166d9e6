#include "base/text.h"
#include "config/reader.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::config {
namespace {

void check_reference(const Named& from, std::string_view option, const base::Options& options,
                     const std::set<std::string, std::less<>>& known, std::string_view advice, Reader& reader) {
  const std::string name = options.string(option);
  if (!options.has(option) || known.contains(name) || !reader.known->is_nowhere(name)) return;
  const std::vector<std::string> candidates(known.begin(), known.end());
  const auto near = base::nearest(name, candidates);
  reader.complain(origin_of(from.table, option, from.origin), fmt::format("{}.{}", from.key, option),
                  fmt::format("there is no {} '{}'", option, base::printable(name.substr(0, 80))),
                  near                   ? fmt::format("did you mean '{}'?", *near)
                  : Name::is_valid(name) ? fmt::format(fmt::runtime(advice), name)
                                         : std::string());
}

// An issuer with an option `authority` signs by one of ours, under a profile of ours; of other CAs' profiles we know
// nothing.
void check_authority(const Named& from, const KindOptions& kind, const base::Options& options, Reader& reader) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(kind.options, name, &base::Option::name) != kind.options.end();
  };
  if (reader.known == nullptr || !has("authority")) return;
  check_reference(from, "authority", options, reader.known->authorities,
                  "add [authority.{0}], or make it with `everseal ca init {0}`", reader);
  if (has("profile")) check_reference(from, "profile", options, reader.known->profiles, "add [profile.{0}]", reader);
}

// An issuer with an option `challenge` names types of challenges, or tables of ours.
void check_challenges(const Named& from, const KindOptions& kind, const base::Options& options, Reader& reader) {
  if (reader.known == nullptr ||
      std::ranges::find(kind.options, "challenge", &base::Option::name) == kind.options.end())
    return;
  std::vector<std::string> candidates(reader.known->challenges.begin(), reader.known->challenges.end());
  // These need no more than the issuer says of them.
  candidates.insert(candidates.end(), {"http-01", "tls-alpn-01"});
  for (const std::string& name : options.strings("challenge")) {
    if (std::ranges::find(candidates, name) != candidates.end() || !reader.known->is_nowhere(name)) continue;
    const auto near = base::nearest(name, candidates);
    reader.complain(origin_of(from.table, "challenge", from.origin), from.key + ".challenge",
                    fmt::format("there is no challenge '{}'", base::printable(name.substr(0, 80))),
                    near ? fmt::format("did you mean '{}'?", *near)
                         : std::string("write http-01, tls-alpn-01, or the name of a [challenge.NAME]"));
  }
}

}  // namespace

Issuer read_issuer(const Named& from, Reader& reader) {
  Issuer issuer;
  issuer.name = from.name;
  issuer.origin = from.origin;
  const KindOptions* const kind = find_kind(from, reader.kinds.issuer, reader);
  if (kind == nullptr) return issuer;
  issuer.type = kind->name;
  const std::size_t before = reader.problems.size();
  report_unknown(from.table, {declared(Section::issuer), kind->options}, {}, from.key, reader.problems);
  issuer.options = validate_declared(from.table, kind->options, from.key, from.origin, reader.problems);
  check_authority(from, *kind, issuer.options, reader);
  check_challenges(from, *kind, issuer.options, reader);
  if (kind->check == nullptr || reader.problems.size() > before) return issuer;
  std::vector<std::string> claims;  // an issuer writes no files
  for (std::string& message : kind->check(issuer.options, from.name, claims))
    reader.complain(from.origin, from.key, std::move(message));
  return issuer;
}

}  // namespace everseal::config
