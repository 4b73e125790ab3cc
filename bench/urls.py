"""Production's addresses, and the measured extra ones under /bench/."""

from django.urls import include, path

from bench import views

urlpatterns = [
    path("bench/empty", views.empty),
    path("bench/own-status", views.own_status),
    path("", include("backoffice.urls")),
]
