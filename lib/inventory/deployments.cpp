#include "inventory/columns.h"
#include "inventory/managed.h"
#include "inventory/rows.h"

#include <fmt/format.h>

namespace everseal::inventory {
namespace {

constexpr std::string_view kDeploymentColumns =
    "select artifact, owner, target, spec_hash, version, previous, current, state, served_before, served_after, "
    "reload_problem, problem, attempts, not_before, changed, spec, paths from deployment ";

constexpr std::string_view kFailed =
    "where state in ('failed', 'unverified') and not exists "
    "(select 1 from managed where name = owner and artifact = 'version' and orphaned = 1)";

std::int64_t number_at(const sql::Statement& row, int column) { return row.integer(column); }

DeploymentRecord read_deployment(const sql::Statement& row) {
  DeploymentRecord deployment;
  deployment.artifact = enum_at(row, 0, parse_artifact_kind, "an artifact's kind");
  deployment.owner = name_at(row, 1);
  deployment.target = name_at(row, 2);
  deployment.spec_hash = text_at(row, 3);
  deployment.version = row.integer(4);
  deployment.previous = optional_at(row, 5, number_at);
  deployment.current = optional_at(row, 6, number_at);
  deployment.state = enum_at(row, 7, parse_deployment_state, "a deployment's state");
  deployment.before = enum_at(row, 8, parse_served, "what a listener served");
  deployment.after = enum_at(row, 9, parse_served, "what a listener served");
  deployment.reload_problem = text_at(row, 10);
  deployment.problem = text_at(row, 11);
  deployment.attempts = int_at(row, 12);
  deployment.not_before = optional_at(row, 13, time_at);
  deployment.changed = time_at(row, 14);
  deployment.spec = text_at(row, 15);
  deployment.paths = text_at(row, 16);
  return deployment;
}

std::string taking_away_key(ArtifactKind artifact, const Name& owner, const Name& target) {
  return fmt::format("taking.away/{}/{}/{}", to_string(artifact), owner, target);
}

void bind_key(sql::Query& query, ArtifactKind artifact, const Name& owner) {
  query->bind(1, to_string(artifact)).bind(2, owner.text());
}

}  // namespace

std::vector<DeploymentRecord> Deployments::of(ArtifactKind artifact, const Name& owner) {
  sql::Query query(store_.database(),
                   std::string(kDeploymentColumns) + "where artifact = $1 and owner = $2 order by target");
  bind_key(query, artifact, owner);
  return all_rows(query, read_deployment);
}

std::optional<DeploymentRecord> Deployments::find(ArtifactKind artifact, const Name& owner, const Name& target) {
  sql::Query query(store_.database(),
                   std::string(kDeploymentColumns) + "where artifact = $1 and owner = $2 and target = $3");
  bind_key(query, artifact, owner);
  query->bind(3, target.text());
  return first_row(query, read_deployment);
}

void Deployments::put(const DeploymentRecord& deployment) {
  sql::Query query(
      store_.database(),
      "insert into deployment (artifact, owner, target, spec_hash, version, previous, current, state, "
      "served_before, served_after, reload_problem, problem, attempts, not_before, changed, spec, paths) values "
      "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) "
      "on conflict (artifact, owner, target) do update set spec_hash = $4, version = $5, previous = $6, "
      "current = $7, state = $8, served_before = $9, served_after = $10, reload_problem = $11, "
      "problem = $12, attempts = $13, not_before = $14, changed = $15, spec = $16, paths = $17");
  bind_key(query, deployment.artifact, deployment.owner);
  query->bind(3, deployment.target.text())
      .bind(4, deployment.spec_hash)
      .bind(5, deployment.version)
      .bind(6, deployment.previous)
      .bind(7, deployment.current)
      .bind(8, to_string(deployment.state))
      .bind(9, to_string(deployment.before))
      .bind(10, to_string(deployment.after))
      .bind(11, deployment.reload_problem)
      .bind(12, deployment.problem)
      .bind(13, deployment.attempts)
      .bind(14, unix_of(deployment.not_before))
      .bind(15, base::to_unix(deployment.changed))
      .bind(16, deployment.spec)
      .bind(17, deployment.paths)
      .execute();
}

void Deployments::remove(ArtifactKind artifact, const Name& owner, const Name& target) {
  sql::Query query(store_.database(), "delete from deployment where artifact = $1 and owner = $2 and target = $3");
  bind_key(query, artifact, owner);
  query->bind(3, target.text()).execute();
}

std::vector<FormerPlaceRecord> Deployments::former_places(ArtifactKind artifact, const Name& owner) {
  sql::Query query(store_.database(),
                   "select id, artifact, owner, target, spec, left_at from former_place "
                   "where artifact = $1 and owner = $2 order by id");
  bind_key(query, artifact, owner);
  return all_rows(query, [](const sql::Statement& row) {
    return FormerPlaceRecord{.id = row.integer(0),
                             .artifact = enum_at(row, 1, parse_artifact_kind, "an artifact's kind"),
                             .owner = name_at(row, 2),
                             .target = name_at(row, 3),
                             .spec = text_at(row, 4),
                             .left_at = time_at(row, 5)};
  });
}

void Deployments::add_former_place(const FormerPlaceRecord& place) {
  sql::Query query(store_.database(),
                   "insert into former_place (artifact, owner, target, spec, left_at) values ($1, $2, $3, $4, $5)");
  bind_key(query, place.artifact, place.owner);
  query->bind(3, place.target.text()).bind(4, place.spec).bind(5, base::to_unix(place.left_at)).execute();
}

void Deployments::remove_former_place(std::int64_t id) {
  sql::Query query(store_.database(), "delete from former_place where id = $1");
  query->bind(1, id).execute();
}

void Deployments::begin_taking_away(ArtifactKind artifact, const Name& owner, const Name& target,
                                    const std::string& what) {
  store_.transaction([&] { store_.set_setting(taking_away_key(artifact, owner, target), what); });
}

bool Deployments::was_taking_away(ArtifactKind artifact, const Name& owner, const Name& target,
                                  const std::string& what) {
  return store_.setting(taking_away_key(artifact, owner, target)) == what;
}

void Deployments::end_taking_away(ArtifactKind artifact, const Name& owner, const Name& target) {
  sql::Query query(store_.database(), "delete from setting where key = $1");
  query->bind(1, taking_away_key(artifact, owner, target)).execute();
}

void Deployments::deploy_again(ArtifactKind artifact, const Name& owner) {
  sql::Query query(store_.database(),
                   "update deployment set spec_hash = '', attempts = 0, not_before = null "
                   "where artifact = $1 and owner = $2");
  bind_key(query, artifact, owner);
  query->execute();
}

void Deployments::deploy_again(ArtifactKind artifact, const Name& owner, const Name& target) {
  sql::Query query(store_.database(),
                   "update deployment set spec_hash = '', attempts = 0, not_before = null "
                   "where artifact = $1 and owner = $2 and target = $3");
  bind_key(query, artifact, owner);
  query->bind(3, target.text()).execute();
}

std::int64_t Deployments::count_failed() {
  sql::Query query(store_.database(), "select count(*) from deployment " + std::string(kFailed));
  query->step();
  return query->integer(0);
}

std::vector<DeploymentRecord> Deployments::failed(int limit) {
  sql::Query query(store_.database(), std::string(kDeploymentColumns) + std::string(kFailed) +
                                          " order by artifact, owner, target limit $1");
  query->bind(1, limit);
  return all_rows(query, read_deployment);
}

}  // namespace everseal::inventory
