from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    initial = True

    dependencies = [
        ('django_celery_beat', '0019_alter_periodictasks_options'),
    ]

    operations = [
        migrations.CreateModel(
            name='Outcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, unique=True)),
                ('ran_at', models.DateTimeField(help_text='When it last began.', null=True)),
                ('ok', models.BooleanField(null=True)),
                ('good_at', models.DateTimeField(help_text='When it last ended well.', null=True)),
                ('failures', models.PositiveIntegerField(default=0, help_text='In a row.')),
                ('recent', models.JSONField(default=list, help_text='The latest runs, newest first: when, ok, milliseconds, what it said.')),
                ('asked_at', models.DateTimeField(help_text='Somebody wants it run now.', null=True)),
                ('asked_by', models.CharField(blank=True, max_length=150)),
            ],
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
            ],
            options={
                'verbose_name': 'job',
                'permissions': [('run_job', 'Can have jobs run now, pause and resume them')],
                'proxy': True,
            },
            bases=('django_celery_beat.periodictask',),
        ),
    ]
