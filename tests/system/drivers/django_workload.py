"""What an ordinary Django application does; settings come as JSON on standard input, the findings go out as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import django
from django.apps import AppConfig
from django.conf import settings

given = json.load(sys.stdin)


class Demo(AppConfig):
    name = __name__
    label = "demo"
    path = str(Path(__file__).parent)


settings.configure(
    INSTALLED_APPS=[f"{__name__}.Demo"],
    DATABASES={"default": given["database"]},
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.db import connection, models, transaction  # noqa: E402


class Customer(models.Model):
    full_name = models.CharField(max_length=60)
    phone = models.CharField(max_length=20)
    region = models.CharField(max_length=6)
    created_at = models.DateTimeField()

    class Meta:
        app_label = "demo"
        managed = False
        db_table = '"crm"."customers"'


class Ticket(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="tickets")
    channel = models.CharField(max_length=12)
    status = models.CharField(max_length=12)
    subject = models.CharField(max_length=120)
    body = models.TextField()

    class Meta:
        app_label = "demo"
        managed = False
        db_table = '"service"."tickets"'


def main() -> dict[str, object]:
    found: dict[str, object] = {}
    customer = Customer.objects.get(phone=given["phone"])
    found["id"], found["phone"] = customer.id, customer.phone
    found["tickets"] = customer.tickets.filter(status__in=["open", "closed"]).exists()
    # GROUP BY on the primary key with every other column selected.
    counted = Customer.objects.annotate(n=models.Count("tickets")).filter(n__gt=0).order_by("-n", "id")[:5]
    found["grouped"] = all(one.n >= 1 for one in counted)
    try:
        with transaction.atomic():
            Ticket.objects.bulk_create(
                [
                    Ticket(customer=customer, channel="app", status="open", subject=f"django {n}", body="正文")
                    for n in range(25)
                ]
            )
            with transaction.atomic():
                Ticket.objects.filter(subject="django 0").update(status=models.F("status"))
            found["bulk"] = Ticket.objects.filter(subject__startswith="django ").count()
            found["locked"] = len(Ticket.objects.select_for_update().filter(subject="django 1"))
            raise ZeroDivisionError
    except ZeroDivisionError:
        found["after_rollback"] = Ticket.objects.filter(subject__startswith="django ").count()
    found["iterated"] = len(list(Customer.objects.order_by("id").iterator(chunk_size=50))) > 250
    with connection.cursor() as cursor:
        found["tables"] = connection.introspection.table_names(cursor) is not None
    return found


json.dump(main(), sys.stdout)
