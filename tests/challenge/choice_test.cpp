// Which methods are tried for which name.
#include "challenge/choice.h"

#include "base/text.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace everseal::challenge {
namespace {

Method method(const std::string& name, std::string type, std::vector<std::string> zones = {}) {
  Method method;
  method.name = base::Name::parse(name);
  method.type = std::move(type);
  method.zones = std::move(zones);
  return method;
}

std::string names_of(const std::vector<const Method*>& methods) {
  std::vector<std::string> names;
  for (const Method* const one : methods) names.push_back(one->name.text());
  return base::join(names, " ");
}

TEST_CASE("methods are tried by their zones, the longest first, and in one zone those before others that prove less") {
  const std::vector<Method> methods{method("a", "dns-01", {"example.org", "www.example.org"}),
                                    method("b", "http-01", {"example.org"}),
                                    method("c", "tls-alpn-01", {"example.org", "a.example.org"}),
                                    method("d", "dns-01", {"a.example.org", "org"}),
                                    method("e", "http-01"),
                                    method("f", "dns-01"),
                                    method("g", "dns-persist-01", {"example.net"})};
  const struct {
    const char *name, *tried;
    const char* first;           // for the name
    const char* first_wildcard;  // below it
  } rows[] = {
      {"example.org", "b c a d e f", "b", "a"},     {"x.example.org", "b c a d e f", "b", "a"},
      {"www.example.org", "a b c d e f", "a", "a"}, {"a.example.org", "c d b a e f", "c", "d"},
      {"b.a.example.org", "c d b a e f", "c", "d"}, {"xexample.org", "d e f", "d", "d"},
      {"example.net", "g e f", "g", "g"},           {"example.com", "e f", "e", "f"},
  };
  const Choice choice(methods);
  for (const auto& [name, tried, first, first_wildcard] : rows) {
    CAPTURE(name);
    CHECK(names_of(choice.candidates(name)) == tried);
    CHECK(choice.first_for(pki::Identifier::parse(name))->name.text() == first);
    CHECK(choice.first_for(pki::Identifier::parse(std::string("*.") + name))->name.text() == first_wildcard);
  }
  CHECK(names_of(choice.candidates("192.0.2.1")) == "e f");
  CHECK(choice.first_for(pki::Identifier::parse("192.0.2.1"))->name.text() == "e");

  // In one zone alone.
  const auto first_of = [&](const char* zone, const char* name) -> std::string {
    const Method* const found = choice.first_of(zone, pki::Identifier::parse(name));
    return found == nullptr ? "none" : found->name.text();
  };
  CHECK(first_of("example.org", "example.org") == "b");
  CHECK(first_of("example.org", "*.example.org") == "a");
  CHECK(first_of("x.example.org", "x.example.org") == "none");
}

TEST_CASE("a zone that is added counts as if it had been there") {
  const std::vector<Method> methods{method("a", "dns-01", {"example.org"}), method("b", "http-01")};
  Choice choice(methods);
  const Method added = method("c", "http-01");
  choice.add("example.org", added);
  choice.add("www.example.org", methods.front());
  CHECK(names_of(choice.candidates("example.org")) == "c a b");
  CHECK(names_of(choice.candidates("www.example.org")) == "a c b");
}

TEST_CASE("what no method can prove has no first") {
  const std::vector<Method> methods{method("a", "http-01", {"example.org"}), method("b", "dns-01", {"example.net"})};
  const Choice choice(methods);
  CHECK(choice.first_for(pki::Identifier::parse("*.example.org")) == nullptr);
  CHECK(choice.first_for(pki::Identifier::parse("192.0.2.1")) == nullptr);
  CHECK(choice.first_for(pki::Identifier::parse("example.com")) == nullptr);
  CHECK(choice.first_for(pki::Identifier::parse("a.example.net")) == &methods.back());
}

}  // namespace
}  // namespace everseal::challenge
