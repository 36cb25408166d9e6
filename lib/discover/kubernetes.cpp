// Kubeconfigs and manifests of Secrets, as YAML or JSON. Aliases are never expanded: what stands at an anchor is read
// once, where it stands.
#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"
#include "discover/collector.h"
#include "discover/contents.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <yaml.h>

namespace everseal::discover {
namespace {

constexpr std::size_t kDeepestNode = 64;

using Scalars = std::map<std::string, std::string, std::less<>>;

// A mapping that is being read, or a sequence.
struct Node {
  bool is_mapping = false;
  std::string key;                    // under which its parent has it
  std::optional<std::string> awaits;  // of a mapping: the key whose value comes next
  Scalars scalars;
  std::map<std::string, Scalars, std::less<>> children;  // the mappings among its values that matter
};

bool matters(std::string_view key) {
  constexpr std::array<std::string_view, 5> kKeys{"cluster", "user", "metadata", "data", "stringData"};
  return std::ranges::find(kKeys, key) != kKeys.end();
}

std::string_view value_of(const Scalars& scalars, std::string_view name) {
  const auto at = scalars.find(name);
  return at == scalars.end() ? std::string_view() : std::string_view(at->second);
}

struct Event {
  yaml_event_t event{};
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&event); }
};

struct Parser {
  yaml_parser_t parser{};
  explicit Parser(base::BytesView text) {
    if (yaml_parser_initialize(&parser) == 0) throw base::Error(base::Fault::internal, "cannot make a YAML parser");
    yaml_parser_set_input_string(&parser, text.data(), text.size());
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { yaml_parser_delete(&parser); }
};

class Manifest {
 public:
  explicit Manifest(Collector& found) : found_(found) {}

  // False where the text is no YAML, or nested too deeply: `why` says it.
  bool read(base::BytesView text, std::string& why) {
    Parser parser(text);
    for (;;) {
      Event one;
      if (yaml_parser_parse(&parser.parser, &one.event) == 0) {
        const char* const problem = parser.parser.problem;
        why = fmt::format("line {}: {}", parser.parser.problem_mark.line + 1, problem != nullptr ? problem : "no YAML");
        return false;
      }
      if (one.event.type == YAML_STREAM_END_EVENT) return true;
      take(one.event);
      if (nodes_.size() > kDeepestNode) {
        why = fmt::format("more than {} levels deep", kDeepestNode);
        return false;
      }
    }
  }

  bool found_one() const noexcept { return found_one_; }

 private:
  void take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        nodes_.clear();
        break;
      case YAML_MAPPING_START_EVENT:
      case YAML_SEQUENCE_START_EVENT:
        begin(event.type == YAML_MAPPING_START_EVENT);
        break;
      case YAML_MAPPING_END_EVENT:
      case YAML_SEQUENCE_END_EVENT:
        end();
        break;
      case YAML_SCALAR_EVENT:
        scalar(std::string(reinterpret_cast<const char*>(event.data.scalar.value), event.data.scalar.length));
        break;
      case YAML_ALIAS_EVENT:
        if (!nodes_.empty() && nodes_.back().is_mapping)
          nodes_.back().awaits = nodes_.back().awaits ? std::nullopt : std::optional<std::string>("");
        break;
      default:
        break;
    }
  }

  void begin(bool is_mapping) {
    Node node;
    node.is_mapping = is_mapping;
    if (!nodes_.empty() && nodes_.back().is_mapping) {
      if (nodes_.back().awaits)
        node.key = *std::exchange(nodes_.back().awaits, std::nullopt);
      else
        nodes_.back().awaits = "";  // a mapping as a key
    }
    nodes_.push_back(std::move(node));
  }

  void scalar(std::string text) {
    if (nodes_.empty() || !nodes_.back().is_mapping) return;
    Node& node = nodes_.back();
    if (!node.awaits)
      node.awaits = std::move(text);
    else
      node.scalars.insert_or_assign(*std::exchange(node.awaits, std::nullopt), std::move(text));
  }

  void end() {
    if (nodes_.empty()) return;
    Node node = std::move(nodes_.back());
    nodes_.pop_back();
    if (!node.is_mapping) return;
    look_at(node);
    if (!nodes_.empty() && nodes_.back().is_mapping && matters(node.key))
      nodes_.back().children.insert_or_assign(node.key, std::move(node.scalars));
  }

  void look_at(const Node& node) {
    const auto child = [&](std::string_view key) -> const Scalars* {
      const auto at = node.children.find(key);
      return at == node.children.end() ? nullptr : &at->second;
    };
    const std::string name(value_of(node.scalars, "name"));
    if (const Scalars* const cluster = child("cluster"))
      encoded(*cluster, "certificate-authority-data", "clusters." + name, Container::kubeconfig);
    if (const Scalars* const user = child("user"))
      for (const std::string_view key : {"client-certificate-data", "client-key-data"})
        encoded(*user, key, "users." + name, Container::kubeconfig);
    const std::string_view kind = value_of(node.scalars, "kind");
    if (kind != "Secret" && kind != "ConfigMap") return;
    const Scalars* const metadata = child("metadata");
    std::string place = metadata != nullptr ? std::string(value_of(*metadata, "name")) : "";
    if (metadata != nullptr && !value_of(*metadata, "namespace").empty())
      place = fmt::format("{}/{}", value_of(*metadata, "namespace"), place);
    const auto place_of = [&](const std::string& key) { return fmt::format("{}:{}", place, key); };
    if (const Scalars* const data = child("data")) {
      for (const auto& [key, value] : *data) {
        if (kind == "Secret")
          encoded(*data, key, place_of(key), Container::secret);
        else
          part(base::as_bytes(value), place_of(key), Container::secret);
      }
    }
    if (const Scalars* const data = child("stringData"))
      for (const auto& [key, value] : *data) part(base::as_bytes(value), place_of(key), Container::secret);
  }

  void encoded(const Scalars& scalars, std::string_view key, const std::string& entry, Container container) {
    const std::string_view text = value_of(scalars, key);
    if (text.empty()) return;
    std::optional<base::Bytes> octets = base::from_base64(text);
    if (octets) {
      part(*octets, entry, container);
      base::wipe(octets->data(), octets->size());
    } else if (key.ends_with("-data") || key.ends_with(".crt") || key.ends_with(".key")) {
      found_.is(container);
      found_one_ = true;
      found_.trouble(Reason::broken, fmt::format("{}: the base64 is broken", entry));
    }
  }

  void part(base::BytesView octets, const std::string& entry, Container container) {
    if (!read_part(octets, entry, found_)) return;
    found_one_ = true;
    found_.is(container);
  }

  Collector& found_;
  std::vector<Node> nodes_;
  bool found_one_ = false;
};

}  // namespace

bool begins_kubernetes(base::BytesView octets) noexcept {
  const std::string_view text = base::as_text(octets);
  const auto has = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
  return has("apiVersion") && (has("certificate-authority-data") || has("client-certificate-data") ||
                               has("client-key-data") || has("Secret") || has("ConfigMap"));
}

bool read_kubernetes(base::BytesView octets, Collector& found) {
  Manifest manifest(found);
  std::string why;
  if (!manifest.read(octets, why) && manifest.found_one()) found.trouble(Reason::broken, why);
  return manifest.found_one();
}

}  // namespace everseal::discover
