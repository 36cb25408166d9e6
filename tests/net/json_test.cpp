#include "net/json.h"

#include "base/error.h"

#include <doctest/doctest.h>

using namespace everseal;

TEST_SUITE("json") {
  TEST_CASE("members are read by their type, and are not there as another") {
    const auto object = net::parse_json_object(
        R"({"t":"x","n":7,"big":18446744073709551615,"f":1.5,"b":true,"none":null,"l":["a",1,"b"],"o":{"k":"v"},"os":[{"k":1},2,{"k":3}],"when":"2026-11-24T12:00:00Z"})",
        "it");
    CHECK(net::text_at(object, "t") == "x");
    CHECK(net::text_at(object, "n").empty());
    CHECK(net::integer_at(object, "n") == 7);
    CHECK(net::integer_at(object, "big") == std::nullopt);
    CHECK(net::integer_at(object, "f") == std::nullopt);
    CHECK(net::flag_at(object, "b"));
    CHECK_FALSE(net::flag_at(object, "t"));
    CHECK(base::find(object, "none") == nullptr);
    CHECK(net::texts_at(object, "l") == std::vector<std::string>{"a", "b"});
    CHECK(net::objects_at(object, "os").size() == 2);
    REQUIRE(net::object_at(object, "o") != nullptr);
    CHECK(net::text_at(*net::object_at(object, "o"), "k") == "v");
    CHECK(net::object_at(object, "t") == nullptr);
    CHECK(net::time_at(object, "when") == base::parse_time("2026-11-24T12:00:00Z"));
  }

  TEST_CASE("what is no object of bounded depth is refused") {
    for (const std::string& json :
         {std::string(), std::string("{"), std::string("[]"), std::string("nul"), std::string("{}x"),
          std::string("\xff"), std::string("{\"a\":\"\xff\"}"), std::string(100'000, '['),
          std::string("{\"a\":") + std::string(64, '[') + std::string(64, ']') + "}"})
      CHECK_THROWS_AS(net::parse_json_object(json, "it"), base::Error);
    CHECK(net::parse_json_object("{\"a\":" + std::string(20, '[') + std::string(20, ']') + "}", "it").size() == 1);
  }
}
