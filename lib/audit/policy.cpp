#include "audit/policy.h"

#include "audit/built_in.h"
#include "audit/json_tree.h"
#include "base/error.h"
#include "base/options.h"
#include "pki/digest.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace everseal::audit {
namespace {

using base::Error;
using base::Fault;
using base::Option;
using base::OptionType;
using base::Origin;
using base::Problems;

constexpr std::size_t kLargestPolicy = 1 << 20;
constexpr std::int64_t kForm = 1;  // of the file

constexpr std::string_view kLimited[] = {"version", "cipher", "group", "key", "signature", "lifetime", "usage", "name"};
constexpr std::string_view kLevels[] = {"must", "should"};
constexpr std::string_view kReaches[] = {"all", "public"};
constexpr std::string_view kVersions[] = {"SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
constexpr std::string_view kDefaultReach = "all";

const Option kLimitFields[] = {
    {.name = "limit", .type = OptionType::choice, .summary = "what is limited", .required = true, .choices = kLimited},
    {.name = "level", .type = OptionType::choice, .summary = "error or notice", .required = true, .choices = kLevels},
    {.name = "reach",
     .type = OptionType::choice,
     .summary = "the chains that it binds",
     .fallback = kDefaultReach,
     .choices = kReaches},
    {.name = "accept", .type = OptionType::names, .summary = "what fits; all else breaks it"},
    {.name = "reject", .type = OptionType::names, .summary = "what breaks it"},
    {.name = "rsa_bits",
     .type = OptionType::integer,
     .summary = "the fewest bits of an RSA key",
     .lowest = 512,
     .highest = 16'384},
    {.name = "longest", .type = OptionType::duration, .summary = "the longest life"},
    {.name = "from", .summary = "the day from which it holds"},
    {.name = "programme", .summary = "whose demand it is", .required = true},
    {.name = "source", .summary = "where it stands", .required = true},
    {.name = "date", .summary = "when that was written", .required = true},
};
const Option kPolicyFields[] = {
    {.name = "everseal_policy",
     .type = OptionType::integer,
     .summary = "form of the file",
     .required = true,
     .lowest = kForm,
     .highest = kForm},
    {.name = "name", .summary = "name of the policy", .required = true},
    {.name = "version", .summary = "its version", .required = true},
    {.name = "summary", .summary = "one line", .required = true},
    {.name = "limits",
     .type = OptionType::items,
     .summary = "what it demands",
     .required = true,
     .fields = kLimitFields},
};

template <class Enum, std::size_t count>
Enum chosen(const std::string_view (&words)[count], std::string_view word) {
  return static_cast<Enum>(std::ranges::find(words, word) - std::begin(words));
}

// "2026-03-15", from its first second in UTC.
std::optional<base::Time> parse_day(const std::string& text) { return base::parse_time(text + "T00:00:00Z"); }

bool is_date(const std::string& text) { return parse_day(text) || parse_day(text + "-01"); }

bool fits(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= text.size(); ++at)
    if (fits(rest, text.substr(at))) return true;
  return false;
}

class Reader {
 public:
  Reader(const Origin& origin, Problems& problems) : origin_(origin), problems_(problems) {}

  Limit read(const base::Options& options, const base::Table& table) {
    const Limit limit{
        chosen<Limited>(kLimited, options.string("limit")),
        chosen<Level>(kLevels, options.string("level")),
        chosen<Reach>(kReaches, options.string("reach")),
        options.strings("accept"),
        options.strings("reject"),
        options.has("rsa_bits") ? std::optional(static_cast<int>(options.integer("rsa_bits"))) : std::nullopt,
        options.duration("longest"),
        options.has("from") ? parse_day(options.string("from")) : std::nullopt,
        options.string("programme"),
        options.string("source"),
        options.string("date")};
    table_ = &table;
    if (options.has("from") && !limit.from) complain("from", "not a day", "write it as \"2026-03-15\"");
    if (!is_date(limit.date)) complain("date", "not a day or month", "write it as \"2026-03-31\" or \"2026-03\"");
    for (const char* const text : {"programme", "source"})
      if (options.string(text).empty()) complain(text, "is empty", "an auditor asks whose demand it is");
    check_demand(limit);
    return limit;
  }

 private:
  void complain(std::string_view key, std::string message, std::string hint) {
    const base::Value* const value = base::find(*table_, key);
    problems_.push_back({value != nullptr ? value->origin : origin_, fmt::format("limits.{}", key), std::move(message),
                         std::move(hint)});
  }

  void check_demand(const Limit& limit) {
    const bool is_lifetime = limit.limited == Limited::lifetime, is_key = limit.limited == Limited::key;
    const bool has_list = !limit.accept.empty() || !limit.reject.empty();
    if (is_lifetime && !limit.longest) complain("limit", "a lifetime without \"longest\"", "\"longest\": \"200d\"");
    if (is_lifetime && has_list) complain("limit", "a lifetime has no list", "only \"longest\"");
    if (!is_lifetime && limit.longest) complain("longest", "only a lifetime has one", "remove it");
    if (!is_key && limit.rsa_bits) complain("rsa_bits", "only a key has bits", "remove it");
    if (!is_lifetime && !has_list && !limit.rsa_bits)
      complain("limit", "it demands nothing", "give \"accept\" or \"reject\"");
    for (const auto& [key, list] : {std::pair("accept", &limit.accept), std::pair("reject", &limit.reject)})
      for (const std::string& word : *list) check_word(limit.limited, key, word);
  }

  void check_word(Limited limited, std::string_view key, const std::string& word) {
    if (word.empty()) complain(key, "an empty name", "remove it");
    if (limited == Limited::key && word.starts_with("RSA"))
      complain(key, "an RSA key is no word of the list", "\"rsa_bits\": 2048 accepts them");
    if (limited == Limited::version && std::ranges::find(kVersions, word) == std::end(kVersions))
      complain(key, fmt::format("\"{}\" is no version", base::printable(word)),
               fmt::format("one of: {}", fmt::join(kVersions, ", ")));
  }

  const Origin& origin_;
  Problems& problems_;
  const base::Table* table_ = nullptr;
};

// One limit alone could be written without its list: a policy says it in one way.
void demand_tables(const base::Value& limits, Problems& problems) {
  const auto* const list = std::get_if<base::List>(&limits.data);
  if (list == nullptr) problems.push_back({limits.origin, "limits", "expected a list of objects", {}});
  for (const base::Value& one : list == nullptr ? base::List() : *list)
    if (!std::holds_alternative<base::Table>(one.data))
      problems.push_back({one.origin, "limits", "expected an object", {}});
}

[[noreturn]] void refuse(const Problems& problems) {
  std::vector<std::string> texts;
  for (const base::Problem& problem : problems) texts.push_back(base::to_string(problem));
  throw Error(Fault::config, fmt::format("the policy cannot be used: {}", base::join(texts, "; ")));
}

}  // namespace

std::string_view to_string(Limited limited) noexcept { return kLimited[static_cast<std::size_t>(limited)]; }

bool breaks(const Limit& limit, std::string_view value) {
  const auto holds = [&](const std::vector<std::string>& patterns) {
    return std::ranges::any_of(patterns, [&](const std::string& pattern) { return fits(pattern, value); });
  };
  return (!limit.accept.empty() && !holds(limit.accept)) || holds(limit.reject);
}

std::vector<const Limit*> Policy::in_force(Limited limited, base::Time when) const {
  std::vector<const Limit*> holding;
  for (const Limit& one : limits) {
    if (one.limited != limited || (one.from && *one.from > when)) continue;
    const auto earlier = std::ranges::find_if(holding, [&](const Limit* other) {
      return one.from && other->from && other->level == one.level && other->reach == one.reach &&
             other->programme == one.programme;
    });
    if (earlier == holding.end()) {
      holding.push_back(&one);
    } else if ((*earlier)->from < one.from) {
      *earlier = &one;
    }
  }
  return holding;
}

Policy parse_policy(std::string_view json, const std::string& file) {
  if (json.size() > kLargestPolicy) throw Error(Fault::config, fmt::format("{}: a policy of more than 1 MiB", file));
  Problems problems;
  const auto table = parse_json_tree(json, file, problems);
  if (!table) refuse(problems);
  const Origin origin{file, 1};
  if (const base::Value* const limits = base::find(*table, "limits")) demand_tables(*limits, problems);
  if (!problems.empty()) refuse(problems);
  const base::Options options = base::Options::validate(*table, kPolicyFields, "", origin, {}, problems);
  if (!problems.empty()) refuse(problems);

  Policy policy{options.string("name"),
                options.string("version"),
                options.string("summary"),
                base::hex(pki::sha256(base::as_bytes(json))),
                {}};
  const auto& written = std::get<base::List>(base::find(*table, "limits")->data);
  for (std::size_t i = 0; i < written.size(); ++i)
    policy.limits.push_back(
        Reader(written[i].origin, problems).read(options.items("limits")[i], std::get<base::Table>(written[i].data)));
  if (policy.limits.empty()) problems.push_back({origin, "limits", "the policy demands nothing", ""});
  if (!problems.empty()) refuse(problems);
  return policy;
}

std::vector<std::string> built_in_policies() {
  std::vector<std::string> names;
  for (const base::EmbeddedFile& file : built_in_policy_files())
    names.emplace_back(file.name.substr(0, file.name.rfind('.')));
  return names;
}

Policy built_in_policy(std::string_view name) {
  for (const base::EmbeddedFile& file : built_in_policy_files())
    if (file.name.substr(0, file.name.rfind('.')) == name)
      return parse_policy(file.text, fmt::format("policy {}", name));
  const std::vector<std::string> known = built_in_policies();
  throw Error(Fault::config, fmt::format("there is no policy \"{}\"", base::printable(name)),
              fmt::format("one of {}, or the path of a file", base::join(known, ", ")));
}

}  // namespace everseal::audit
