#include "inventory/salvage.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/records.h"
#include "sql/migration.h"
#include "sql/query.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <fmt/format.h>

namespace everseal::inventory {
namespace {

using base::Error;
using base::Fault;

struct Column {
  std::string name;
  std::string type;  // of a strict table: INTEGER, TEXT or BLOB
  bool required = false;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::vector<std::string> key;
};

std::vector<std::string> texts(sql::Database& database, std::string_view sql, std::string_view parameter = {}) {
  sql::Query query(database, sql);
  if (!parameter.empty()) query->bind(1, parameter);
  std::vector<std::string> found;
  while (query->step()) found.emplace_back(query->text(0));
  return found;
}

// Those that others refer to first.
std::vector<std::string> table_names(sql::Database& database) {
  std::vector<std::string> waiting =
      texts(database, "select name from sqlite_schema where type = 'table' and name not like 'sqlite%' order by name");
  std::vector<std::string> ordered;
  while (!waiting.empty()) {
    const auto next = std::ranges::find_if(waiting, [&](const std::string& table) {
      const auto parents = texts(database, "select distinct \"table\" from pragma_foreign_key_list($1)", table);
      return std::ranges::none_of(parents, [&](const std::string& parent) {
        return parent != table && std::ranges::find(waiting, parent) != waiting.end();
      });
    });
    if (next == waiting.end()) throw Error(Fault::internal, "tables refer to each other in a circle");
    ordered.push_back(*next);
    waiting.erase(next);
  }
  return ordered;
}

Table describe(sql::Database& database, const std::string& name) {
  Table table{.name = name, .columns = {}, .key = {}};
  sql::Query query(database, "select name, type, pk, \"notnull\" from pragma_table_info($1) order by cid");
  query->bind(1, name);
  while (query->step()) {
    table.columns.push_back({std::string(query->text(0)), std::string(query->text(1)), query->integer(3) != 0});
    if (query->integer(2) > 0) table.key.push_back(table.columns.back().name);
  }
  return table;
}

bool is_name(std::string_view text) { return Name::is_valid(text); }
bool is_name_or_empty(std::string_view text) { return text.empty() || Name::is_valid(text); }
template <auto parse>
bool parses(std::string_view text) {
  return parse(text).has_value();
}

// A row whose value does not read back would stop every listing of its table.
struct Check {
  std::string_view table;
  std::string_view column;
  bool (*reads)(std::string_view);
};
constexpr Check kChecks[] = {
    {"managed", "name", is_name},
    {"managed", "key_owner", parses<parse_key_owner>},
    {"version", "name", is_name},
    {"version", "state", parses<parse_version_state>},
    {"version", "issuer", is_name_or_empty},
    {"deployment", "artifact", parses<parse_artifact_kind>},
    {"deployment", "owner", is_name},
    {"deployment", "target", is_name},
    {"deployment", "state", parses<parse_deployment_state>},
    {"deployment", "served_before", parses<parse_served>},
    {"deployment", "served_after", parses<parse_served>},
    {"intent", "kind", parses<parse_intent_kind>},
    {"intent", "subject", is_name},
    {"subject", "name", is_name},
    {"former_place", "artifact", parses<parse_artifact_kind>},
    {"former_place", "owner", is_name},
    {"former_place", "target", is_name},
    {"event", "chain", parses<parse_chain>},
    {"authority", "name", is_name},
    {"authority_certificate", "authority", is_name},
    {"authority_certificate", "role", parses<parse_authority_role>},
    {"authority_certificate", "state", parses<parse_generation_state>},
    {"issued", "authority", is_name},
    {"crl", "authority", is_name},
    {"account", "issuer", is_name},
    {"acme_order", "name", is_name},
    {"acme_order", "issuer", is_name},
};

class Copying {
 public:
  Copying(sql::Database& from, sql::Database& into, Table table)
      : from_(from), into_(into), table_(std::move(table)), columns_(column_list()) {
    for (std::size_t i = 0; i < table_.columns.size(); ++i)
      for (const Check& check : kChecks)
        if (check.table == table_.name && check.column == table_.columns[i].name)
          checks_.emplace_back(static_cast<int>(i), check.reads);
  }

  void run(Salvage& salvage) {
    into_.transaction([&] {
      if (!copy("asc")) copy("desc");
    });
    salvage.rows += rows_;
    if (!problem_.empty())
      salvage.problems.push_back(
          base::printable(fmt::format("{}: only {} row(s) could be read: {}", table_.name, rows_, problem_)));
    if (senseless_ > 0)
      salvage.problems.push_back(
          fmt::format("{}: {} row(s) made no sense and were left behind", table_.name, senseless_));
  }

 private:
  std::string column_list() const {
    std::vector<std::string> quoted;
    for (const Column& column : table_.columns) quoted.push_back(fmt::format("\"{}\"", column.name));
    return base::join(quoted, ", ");
  }

  std::string in_order(std::string_view order) const {
    std::vector<std::string> terms;
    for (const std::string& column : table_.key) terms.push_back(fmt::format("\"{}\" {}", column, order));
    if (terms.empty()) terms.push_back(fmt::format("rowid {}", order));
    return base::join(terms, ", ");
  }

  std::string insertion() const {
    std::vector<std::string> parameters;
    for (std::size_t i = 1; i <= table_.columns.size(); ++i) parameters.push_back(fmt::format("${}", i));
    return fmt::format("insert into \"{}\" ({}) values ({}) on conflict do nothing", table_.name, columns_,
                       base::join(parameters, ", "));
  }

  // False where it could not be read to the end.
  bool copy(std::string_view order) {
    try {
      sql::Query reading(from_,
                         fmt::format("select {} from \"{}\" order by {}", columns_, table_.name, in_order(order)));
      sql::Query writing(into_, insertion());
      while (step(*reading)) insert(*reading, *writing);
      return problem_.empty();
    } catch (const Unreadable& unreadable) {
      problem_ = unreadable.why;
      return false;
    }
  }

  struct Unreadable {
    std::string why;
  };

  static bool step(sql::Statement& reading) {
    try {
      return reading.step();
    } catch (const Error& error) {
      throw Unreadable{error.message()};
    }
  }

  bool makes_sense(const sql::Statement& row) const {
    for (std::size_t i = 0; i < table_.columns.size(); ++i)
      if (table_.columns[i].required && row.is_null(static_cast<int>(i))) return false;
    return std::ranges::all_of(checks_, [&](const auto& check) { return check.second(row.text(check.first)); });
  }

  void insert(const sql::Statement& from, sql::Statement& into) {
    if (!makes_sense(from)) {
      ++senseless_;
      return;
    }
    for (std::size_t i = 0; i < table_.columns.size(); ++i) {
      const int column = static_cast<int>(i);
      const int parameter = column + 1;
      if (from.is_null(column))
        into.bind_null(parameter);
      else if (table_.columns[i].type == "INTEGER")
        into.bind(parameter, from.integer(column));
      else if (table_.columns[i].type == "BLOB")
        into.bind(parameter, from.blob(column));
      else
        into.bind(parameter, from.text(column));
    }
    try {
      rows_ += into.execute();
    } catch (const Error& error) {
      // It refers to a row that is lost.
      if (error.fault() != Fault::exists) throw;
      ++senseless_;
    }
  }

  sql::Database& from_;
  sql::Database& into_;
  Table table_;
  std::string columns_;
  std::vector<std::pair<int, bool (*)(std::string_view)>> checks_;
  std::int64_t rows_ = 0;
  std::int64_t senseless_ = 0;
  std::string problem_;
};

// False where something of it stays behind.
bool copy_table(sql::Database& from, sql::Database& into, const std::string& name, Salvage& salvage) {
  const std::size_t problems = salvage.problems.size();
  try {
    if (!from.has_table(name)) throw Error(Fault::corrupt, "there is no such table");
  } catch (const Error& error) {
    salvage.problems.push_back(base::printable(fmt::format("{}: {}", name, error.message())));
    return false;
  }
  Copying(from, into, describe(into, name)).run(salvage);
  return salvage.problems.size() == problems;
}

constexpr const char* kStanding[] = {"deployment", "former_place", "attempt"};
constexpr int kStandingAsToday = 4;  // the schema since which these tables have today's columns

}  // namespace

Salvage salvage(sql::Database& from, sql::Database& into, base::Time now) {
  Salvage salvage;
  int version = sql::newest_schema_version();
  try {
    sql::require_known_schema(from);
    version = sql::schema_version(from);
  } catch (const Error& error) {
    if (error.fault() == Fault::newer) throw;
    salvage.problems.push_back(base::printable(error.message()));
  }
  if (version == 0) version = sql::newest_schema_version();
  sql::migrate(into, sql::sqlite_migrations(version), now);
  for (const std::string& name : table_names(into))
    if (name != "migration") copy_table(from, into, name, salvage);
  sql::migrate(into, now);
  into.execute("delete from setting where key in ('config.digest', 'store.proof')");
  // Where rows are lost the files of the config say them again, but for what was last good of settings.
  into.execute("update config_file set digest = ''");
  return salvage;
}

Salvage salvage_standing(sql::Database& from, sql::Database& into, OtherRows others) {
  Salvage salvage;
  if (sql::schema_version(from) < kStandingAsToday) return salvage;
  for (const std::string name : kStanding)
    into.transaction([&] {
      into.execute(fmt::format("create temp table other as select * from \"{}\"", name));
      into.execute(fmt::format("delete from \"{}\"", name));
      if (!copy_table(from, into, name, salvage) || others == OtherRows::kept)
        into.execute(fmt::format("insert or ignore into \"{}\" select * from temp.other", name));
      into.execute("drop table temp.other");
    });
  return salvage;
}

}  // namespace everseal::inventory
