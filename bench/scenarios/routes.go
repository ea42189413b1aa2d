package scenarios

import (
	"strings"
)

// A Route is a method and a path with wildcards as ServeMux writes them.
type Route struct{ Method, Path string }

// Colon is the path with wildcards as many frameworks write them: /users/:user.
func (r Route) Colon() string {
	return strings.NewReplacer("{", ":", "}", "").Replace(r.Path)
}

// Example is a path that the route takes.
func (r Route) Example() string {
	return strings.NewReplacer("{", "", "}", "").Replace(r.Path)
}

// Routes returns 200 routes: those of GitHub's API for repositories, users,
// organisations, gists and what belongs to them.
func Routes() []Route {
	var routes []Route
	for line := range strings.Lines(github) {
		methods, path, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		for method := range strings.SplitSeq(methods, ",") {
			routes = append(routes, Route{method, path})
		}
	}
	return routes
}

const github = `
GET /events
GET /feeds
GET /emojis
GET /meta
GET /rate_limit
GET /markdown
POST /markdown
POST /markdown/raw
GET /gitignore/templates
GET /gitignore/templates/{name}
GET /licenses
GET /licenses/{license}
GET,PUT /notifications
GET,PATCH /notifications/threads/{id}
GET,PUT,DELETE /notifications/threads/{id}/subscription
GET,POST /gists
GET /gists/public
GET /gists/starred
GET,PATCH,DELETE /gists/{id}
GET,PUT,DELETE /gists/{id}/star
GET,POST /gists/{id}/forks
GET,POST /gists/{id}/comments
GET,DELETE /gists/{id}/comments/{comment}
GET /issues
GET,PATCH /user
GET,POST,DELETE /user/emails
GET /user/followers
GET /user/following
GET,PUT,DELETE /user/following/{user}
GET,POST /user/keys
GET,DELETE /user/keys/{id}
GET,POST /user/repos
GET /user/orgs
GET /user/teams
GET /user/issues
GET /user/starred
GET,PUT,DELETE /user/starred/{owner}/{repo}
GET /user/subscriptions
GET,PUT,DELETE /user/subscriptions/{owner}/{repo}
GET /users
GET /users/{user}
GET /users/{user}/events
GET /users/{user}/events/public
GET /users/{user}/events/orgs/{org}
GET /users/{user}/received_events
GET /users/{user}/received_events/public
GET /users/{user}/followers
GET /users/{user}/following
GET /users/{user}/following/{target}
GET /users/{user}/gists
GET /users/{user}/keys
GET /users/{user}/orgs
GET /users/{user}/repos
GET /users/{user}/starred
GET /users/{user}/subscriptions
GET,PATCH /orgs/{org}
GET /orgs/{org}/events
GET /orgs/{org}/issues
GET /orgs/{org}/members
GET,DELETE /orgs/{org}/members/{user}
GET /orgs/{org}/public_members
GET,PUT,DELETE /orgs/{org}/public_members/{user}
GET,POST /orgs/{org}/repos
GET,POST /orgs/{org}/teams
GET,PATCH,DELETE /teams/{id}
GET /teams/{id}/members
GET,PUT,DELETE /teams/{id}/members/{user}
GET /teams/{id}/repos
GET,PUT,DELETE /teams/{id}/repos/{owner}/{repo}
GET /search/code
GET /search/issues
GET /search/repositories
GET /search/users
GET /networks/{owner}/{repo}/events
GET /repositories
GET,PATCH,DELETE /repos/{owner}/{repo}
GET /repos/{owner}/{repo}/assignees
GET /repos/{owner}/{repo}/assignees/{assignee}
GET /repos/{owner}/{repo}/branches
GET /repos/{owner}/{repo}/branches/{branch}
GET /repos/{owner}/{repo}/collaborators
GET,PUT,DELETE /repos/{owner}/{repo}/collaborators/{user}
GET /repos/{owner}/{repo}/comments
GET,PATCH,DELETE /repos/{owner}/{repo}/comments/{id}
GET /repos/{owner}/{repo}/commits
GET /repos/{owner}/{repo}/commits/{sha}
GET,POST /repos/{owner}/{repo}/commits/{sha}/comments
GET /repos/{owner}/{repo}/contributors
GET,POST /repos/{owner}/{repo}/deployments
GET /repos/{owner}/{repo}/events
GET,POST /repos/{owner}/{repo}/forks
POST /repos/{owner}/{repo}/git/blobs
GET /repos/{owner}/{repo}/git/blobs/{sha}
POST /repos/{owner}/{repo}/git/commits
GET /repos/{owner}/{repo}/git/commits/{sha}
GET,POST /repos/{owner}/{repo}/git/refs
POST /repos/{owner}/{repo}/git/tags
GET /repos/{owner}/{repo}/git/tags/{sha}
POST /repos/{owner}/{repo}/git/trees
GET /repos/{owner}/{repo}/git/trees/{sha}
GET,POST /repos/{owner}/{repo}/hooks
GET,PATCH,DELETE /repos/{owner}/{repo}/hooks/{id}
POST /repos/{owner}/{repo}/hooks/{id}/tests
GET,POST /repos/{owner}/{repo}/issues
GET,PATCH /repos/{owner}/{repo}/issues/{number}
GET,POST /repos/{owner}/{repo}/issues/{number}/comments
GET,POST,PUT,DELETE /repos/{owner}/{repo}/issues/{number}/labels
GET,POST /repos/{owner}/{repo}/keys
GET,DELETE /repos/{owner}/{repo}/keys/{id}
GET,POST /repos/{owner}/{repo}/labels
GET,PATCH,DELETE /repos/{owner}/{repo}/labels/{name}
GET /repos/{owner}/{repo}/languages
POST /repos/{owner}/{repo}/merges
GET,POST /repos/{owner}/{repo}/milestones
GET,PATCH,DELETE /repos/{owner}/{repo}/milestones/{number}
GET,POST /repos/{owner}/{repo}/pulls
GET,PATCH /repos/{owner}/{repo}/pulls/{number}
GET /repos/{owner}/{repo}/pulls/{number}/commits
GET /repos/{owner}/{repo}/pulls/{number}/files
GET,PUT /repos/{owner}/{repo}/pulls/{number}/merge
GET /repos/{owner}/{repo}/readme
GET,POST /repos/{owner}/{repo}/releases
GET,PATCH,DELETE /repos/{owner}/{repo}/releases/{id}
GET /repos/{owner}/{repo}/stargazers
GET /repos/{owner}/{repo}/stats/contributors
GET /repos/{owner}/{repo}/stats/participation
GET /repos/{owner}/{repo}/statuses/{sha}
GET /repos/{owner}/{repo}/subscribers
GET /repos/{owner}/{repo}/tags
GET /repos/{owner}/{repo}/teams
GET /repos/{owner}/{repo}/topics
`
